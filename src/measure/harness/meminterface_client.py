"""A runtime client as small as one can be: asks for events, calls the handler, gives back what it returned.

It speaks the Lambda Runtime API (2018-06-01) and says the same as `awslambdaric` where a handler or its caller could
tell the difference: the context object, the errors, how a response becomes JSON. It runs handlers where `awslambdaric`
cannot be installed, and those of platforms that have another client.
"""

import decimal
import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback


class Api:
    """One connection to the Runtime API."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.socket = None
        self.rest = b""

    def ask(self, method, path, body=b"", headers=()):
        """Sends a request; gives the status, the headers by lower-case name, and the body."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: %s:%d" % self.address, "Content-Length: %d" % len(body)]
        lines += ["%s: %s" % pair for pair in headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body)
        head = self.read_to(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        fields = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        return status, fields, self.read(int(fields.get("content-length", "0")))

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the platform closed the connection")
        self.rest += data

    def read_to(self, end):
        while end not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(end)
        return head

    def read(self, length):
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return body


class Identity:
    """Who called, by Amazon Cognito: nobody."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """The context object of AWS Lambda."""

    def __init__(self, request, arn, deadline):
        self.aws_request_id = request
        self.invoked_function_arn = arn
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.client_context = None
        self.identity = Identity()
        self.tenant_id = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Encoder(json.JSONEncoder):
    """Decimals are numbers."""

    def default(self, value):
        if isinstance(value, decimal.Decimal):
            return float(value)
        return super().default(value)


def error_of(kind, message, stack=(), request=None):
    fault = {"errorMessage": message, "errorType": kind, "stackTrace": list(stack)}
    if request is not None:
        fault["requestId"] = request
    return fault


class Fault(Exception):
    """An error that the platform has a name for."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.kind = kind
        self.stack = stack


def load(entry):
    """The object that `module.function` names."""
    module, dot, name = entry.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack" % entry)
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module, error))
    except SyntaxError as error:
        stack = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, error), stack)
    try:
        return getattr(loaded, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module))


def body_of(result):
    """The response as the platform sends it, with its media type."""
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return json.dumps(result, cls=Encoder, ensure_ascii=False).encode("utf-8"), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


class Log(logging.Handler):
    """What the handler logs goes to standard output, as on the platform."""

    def emit(self, record):
        sys.stdout.write(self.format(record))


def set_up_logging():
    log = Log()
    log.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(name)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.Formatter.converter = time.gmtime
    logging.root.addHandler(log)


def serve(api, call):
    """Events, one after the other, until there are no more."""
    while True:
        status, fields, body = api.ask("GET", "/2018-06-01/runtime/invocation/next")
        if status == 410:
            return
        if status != 200:
            raise RuntimeError("the platform answered %d" % status)
        request = fields.get("lambda-runtime-aws-request-id", "")
        trace = fields.get("lambda-runtime-trace-id")
        if trace is not None:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        path = "/2018-06-01/runtime/invocation/%s/" % request
        context = Context(
            request,
            fields.get("lambda-runtime-invoked-function-arn"),
            int(fields.get("lambda-runtime-deadline-ms", "0")),
        )
        try:
            try:
                event = json.loads(body.decode("utf-8"))
            except Exception as error:
                raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
            result, kind = body_of(call(event, context))
        except Fault as fault:
            report(api, path + "error", error_of(fault.kind, str(fault), fault.stack, request))
        except Exception as error:
            stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
            report(api, path + "error", error_of(type(error).__name__, str(error), stack, request))
        else:
            api.ask("POST", path + "response", result, [("Content-Type", kind)])
            del result
        # Nothing of this invocation lives while the next is waited for.
        event = context = body = fields = None


def report(api, path, fault):
    sys.stdout.write("[ERROR] %s: %s\n" % (fault["errorType"], fault["errorMessage"]))
    if fault["stackTrace"]:
        sys.stdout.write("Traceback (most recent call last):\n" + "".join(fault["stackTrace"]))
    sys.stdout.flush()
    body = json.dumps(fault, ensure_ascii=True).encode("utf-8")
    kind = "".join(c if c.isalnum() or c in "._" else "_" for c in fault["errorType"])
    api.ask("POST", path, body, [("Lambda-Runtime-Function-Error-Type", kind)])


def run(entry, platform, adapters, concurrency):
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    set_up_logging()
    api = Api(address)
    try:
        if adapters is None:
            call = load(entry)
        else:
            call = adapters.adapt(entry, platform, load)
    except BaseException as error:
        if isinstance(error, Fault):
            fault = error_of(error.kind, str(error), error.stack)
        elif isinstance(error, Exception):
            stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
            fault = error_of(type(error).__name__, str(error), stack)
        else:
            raise
        report(api, "/2018-06-01/runtime/init/error", fault)
        sys.exit(1)
    if concurrency <= 1:
        serve(api, call)
        return
    import threading

    threads = [threading.Thread(target=serve, args=(Api(address), call)) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
