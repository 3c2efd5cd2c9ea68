"""Calls handlers of Google Cloud and Azure with the objects that their platforms give them.

Where the platform's own package is installed (`functions-framework`, `azure-functions`), its classes are used. Where it
is not, an object with the same names stands in.
"""

import base64
import inspect
import json

REQUEST_KEYS = {"method", "path", "url", "headers", "query", "params", "route_params", "body"}


def parts_of(event):
    """An event as parts of a request: as written if it has a method, else as the JSON body of a POST."""
    if isinstance(event, dict) and "method" in event and set(event) <= REQUEST_KEYS:
        body = event.get("body", "")
        is_text = isinstance(body, str)
        headers = dict(event.get("headers") or {})
        if not is_text and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        return {
            "method": event["method"].upper(),
            "path": event.get("path") or event.get("url") or "/",
            "headers": headers,
            "query": dict(event.get("query") or event.get("params") or {}),
            "route": dict(event.get("route_params") or {}),
            "body": body.encode("utf-8") if is_text else json.dumps(body).encode("utf-8"),
        }
    return {
        "method": "POST",
        "path": "/",
        "headers": {"Content-Type": "application/json"},
        "query": {},
        "route": {},
        "body": json.dumps(event).encode("utf-8"),
    }


def text_of(body):
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")


def adapt(entry, platform, load):
    """A function of event and context that calls the handler as its platform does."""
    if platform == "azure":
        return azure(load(entry))
    return google(entry, load)


# --- Google ---


def google(entry, load):
    try:
        import flask  # noqa: F401
        import functions_framework
    except ImportError:
        return google_stand_in(load(entry))
    import importlib

    handler = load(entry)
    name = entry.rpartition(".")[2]
    kind = kind_of(handler, name)
    if kind == "background":
        return lambda event, context: handler(event, stand_in_context(event, context))
    if kind == "cloud_event":
        return cloud_event(handler)
    module = importlib.import_module(entry.rpartition(".")[0].replace("/", "."))
    application = flask.Flask(name)

    # As the framework does it: one rule for every path, and Flask's own view of what is returned.
    def view(path=""):
        return handler(flask.request._get_current_object())

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    application.add_url_rule("/", "run", view, methods=methods)
    application.add_url_rule("/<path:path>", "run_path", view, methods=methods)
    application.config["PROPAGATE_EXCEPTIONS"] = True
    del module, functions_framework

    def call(event, context):
        parts = parts_of(event)
        # A client each, for it keeps cookies.
        response = application.test_client().open(
            parts["path"],
            method=parts["method"],
            headers=parts["headers"],
            query_string=parts["query"],
            data=parts["body"],
        )
        return {"status": response.status_code, "body": text_of(response.get_data())}

    return call


def kind_of(handler, name):
    """`http`, `cloud_event` or `background`."""
    registered = None
    try:
        from functions_framework import _function_registry

        registered = _function_registry.REGISTRY_MAP.get(name)
    except Exception:
        pass  # Another version, or none: the parameters tell.
    if registered:
        return {"http": "http", "cloudevent": "cloud_event", "event": "background"}.get(registered, "http")
    try:
        names = list(inspect.signature(handler).parameters)
    except (TypeError, ValueError):
        names = []
    if len(names) >= 2:
        return "background"
    if names and names[0] in ("cloud_event", "cloudevent", "event"):
        return "cloud_event"
    return "http"


def attributes_of(event):
    """The attributes and the data of a cloud event; an event without them is all data."""
    if isinstance(event, dict) and {"type", "source", "data"} <= set(event):
        return {key: value for key, value in event.items() if key != "data"}, event["data"]
    return {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//meminterface"}, event


def cloud_event(handler):
    try:
        from cloudevents.http import CloudEvent
    except ImportError:
        try:
            from cloudevents.v1.http import CloudEvent
        except ImportError:
            CloudEvent = StandInCloudEvent

    def call(event, context):
        attributes, data = attributes_of(event)
        return handler(CloudEvent(attributes, data))

    return call


class StandInCloudEvent(dict):
    """`event["type"]`, `event.data`."""

    def __init__(self, attributes, data):
        super().__init__(attributes)
        self.data = data

    def get_attributes(self):
        return dict(self)

    def get_data(self):
        return self.data


class BackgroundContext:
    """What a background function is told besides its data."""

    def __init__(self, event_id):
        self.event_id = event_id
        self.event_type = "google.pubsub.topic.publish"
        self.timestamp = "1970-01-01T00:00:00.000Z"
        self.resource = {"service": "meminterface", "name": "meminterface", "type": ""}


def stand_in_context(event, context):
    return BackgroundContext(context.aws_request_id)


class StandInRequest:
    """What handlers use of a Flask request."""

    def __init__(self, parts):
        self.method = parts["method"]
        self.path = parts["path"]
        self.headers = parts["headers"]
        self.args = parts["query"]
        self.form = {}
        self.files = {}
        self.data = parts["body"]
        self.mimetype = parts["headers"].get("Content-Type", "")

    @property
    def json(self):
        return self.get_json()

    @property
    def is_json(self):
        return "json" in self.mimetype

    def get_json(self, force=False, silent=False, cache=True):
        if not (force or self.is_json):
            return None
        try:
            return json.loads(self.data)
        except ValueError:
            if silent:
                return None
            raise

    def get_data(self, cache=True, as_text=False, parse_form_data=False):
        return self.data.decode("utf-8") if as_text else self.data


def google_stand_in(handler):
    kind = kind_of(handler, getattr(handler, "__name__", ""))
    if kind == "background":
        return lambda event, context: handler(event, stand_in_context(event, context))
    if kind == "cloud_event":
        return cloud_event(handler)

    def call(event, context):
        answer = handler(StandInRequest(parts_of(event)))
        status = 200
        if isinstance(answer, tuple):
            status = next((part for part in answer[1:] if isinstance(part, int)), 200)
            answer = answer[0]
        if isinstance(answer, bytes):
            answer = text_of(answer)
        return {"status": status, "body": answer}

    return call


# --- Azure ---


def function_beneath(handler):
    """The user's function beneath the decorators of the v2 model."""
    for _ in range(8):
        if callable(handler) and not hasattr(handler, "_function"):
            return handler
        inner = getattr(handler, "_function", None)
        handler = getattr(inner, "_func", inner)
        if handler is None:
            break
    raise TypeError("no function was found beneath the decorators")


def azure(registered):
    handler = function_beneath(registered)
    functions = None
    try:
        import azure.functions as functions
    except ImportError:
        pass
    trigger = trigger_of(registered, handler, functions)
    names = list(inspect.signature(handler).parameters)

    def call(event, context):
        first = argument(functions, trigger, event)
        others = {}
        if "context" in names[1:]:
            others["context"] = AzureContext(context.aws_request_id)
        for name in names[1:]:
            if name != "context":
                others[name] = Output()
        answer = handler(first, **others) if names else handler()
        if inspect.iscoroutine(answer):
            import asyncio

            answer = asyncio.run(answer)
        if hasattr(answer, "get_body") and hasattr(answer, "status_code"):
            return {"status": answer.status_code, "body": text_of(answer.get_body())}
        return answer

    return call


def trigger_of(registered, handler, functions):
    """`http`, `timer`, `blob`, `queue` or `raw`, by what the decorators or the hints say."""
    inner = getattr(registered, "_function", None)
    bindings = getattr(inner, "_trigger", None)
    name = type(bindings).__name__.lower() if bindings is not None else ""
    parameters = list(inspect.signature(handler).parameters.values())
    hint = ""
    if parameters:
        hint = str(parameters[0].annotation).lower()
        if not name and parameters[0].annotation is inspect.Parameter.empty:
            hint = parameters[0].name.lower()
    text = name or hint
    for word, kind in (("http", "http"), ("req", "http"), ("timer", "timer"), ("blob", "blob"), ("inputstream", "blob")):
        if word in text:
            return kind
    for word in ("queue", "servicebus", "msg", "message", "eventhub"):
        if word in text:
            return "queue"
    return "raw"


class Output:
    """An output binding: keeps what was set last."""

    def set(self, value):
        self.value = value

    def get(self):
        return getattr(self, "value", None)


class AzureContext:
    """The context object of Azure Functions."""

    def __init__(self, invocation):
        self.invocation_id = invocation
        self.function_name = "function"
        self.function_directory = "."
        self.trace_context = None
        self.retry_context = None


class Message:
    """A message or a file: bytes, with what most triggers add."""

    def __init__(self, body):
        self._body = body
        self.id = self.message_id = "1"
        self.name = "blob"
        self.length = len(body)
        self.uri = None
        self.past_due = False
        self.dequeue_count = self.delivery_count = 1
        self.metadata = {}

    def get_body(self):
        return self._body

    def get_json(self):
        return json.loads(self._body)

    def read(self, size=-1):
        return self._body if size < 0 else self._body[:size]


class StandInHttpRequest(Message):
    """What handlers use of an `azure.functions.HttpRequest`."""

    def __init__(self, parts):
        super().__init__(parts["body"])
        self.method = parts["method"]
        self.url = parts["path"]
        self.headers = parts["headers"]
        self.params = parts["query"]
        self.route_params = parts["route"]
        self.form = {}
        self.files = {}


def argument(functions, trigger, event):
    if trigger == "http":
        parts = parts_of(event)
        if functions is None:
            return StandInHttpRequest(parts)
        return functions.HttpRequest(
            method=parts["method"],
            url=parts["path"],
            headers=parts["headers"],
            params=parts["query"],
            route_params=parts["route"],
            body=parts["body"],
        )
    if trigger == "raw":
        return event
    body = event if isinstance(event, str) else json.dumps(event)
    body = body.encode("utf-8")
    if trigger == "queue" and functions is not None and hasattr(functions, "QueueMessage"):
        try:
            return functions.QueueMessage(id="1", body=body)
        except TypeError:
            pass  # Another version of the class.
    return Message(body)
