import mangum, functools, azure.functions as func, functions_framework
from aws_lambda_powertools import Logger, Tracer
app = func.FunctionApp()
handler = mangum.Mangum(app)
lambda_handler = functools.partial(lambda event, context, x: x, x=1)
main = lambda req: func.HttpResponse("x")
@app.route(route="x")
@app.function_name("y")
def azure(req: func.HttpRequest) -> func.HttpResponse: return func.HttpResponse(req.get_body())
@functions_framework.http
def google(request): return request.get_json(silent=True)
@functions_framework.cloud_event
def event_handler(cloud_event): return cloud_event.data
@Tracer().capture_lambda_handler
@Logger().inject_lambda_context(log_event=True)
def powertools(event, context): return event
class Handler:
    def handle(self, event, context): return self
    @staticmethod
    def static(event, context): return 1
    __call__ = handle
entry = Handler().handle
def _private(event, context): return 0
def event_only(event): return event
def not_a_handler(a, b): return a
async def later(event, context): return 1
def generator_handler(event, context): yield event
