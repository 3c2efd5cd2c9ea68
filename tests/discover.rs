//! Finding handlers, as a user sees it: a project, and what `meminterface handlers` makes of it.
//!
//! A project is written as one text: `=== path` starts a file. The expected lines are `file:function origin`,
//! then `file:line:column id message` for each diagnostic (without a place where it has none).

#![allow(clippy::unwrap_used)] // A test that cannot go on panics.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use meminterface::diagnostic::Diagnostic;
use meminterface::project::discover::{EnvValue, Handler, Origin, Platform, discover};

struct Project(PathBuf);

impl Project {
    fn new(files: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("discover-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(root.join(".git")).unwrap();
        for file in files.split("=== ").skip(1) {
            let (path, text) = file.split_once('\n').unwrap();
            let path = root.join(path.trim());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn discover(&self, path: &str, wanted: Option<&str>) -> (Vec<Handler>, Vec<Diagnostic>) {
        discover(&[self.0.join(path)], wanted)
    }

    fn short(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.0).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if short.is_empty() { ".".to_owned() } else { short }
    }

    fn listing(&self, path: &str, wanted: Option<&str>) -> String {
        let (handlers, diagnostics) = self.discover(path, wanted);
        let mut text = String::new();
        for handler in &handlers {
            let origin = match &handler.origin {
                Origin::Template { file, logical_id, .. } => format!("{} {logical_id}", self.short(file)),
                Origin::FunctionJson { file, .. } => self.short(file),
                Origin::Decorator => "decorator".to_owned(),
                Origin::Signature => "signature".to_owned(),
                Origin::Option => "option".to_owned(),
                Origin::Assignment => "assignment".to_owned(),
            };
            text += &format!("{}:{} {origin}\n", self.short(&handler.file), handler.function);
        }
        for diagnostic in &diagnostics {
            let file = diagnostic.file.as_deref().map(|file| self.short(file)).unwrap_or_default();
            let place = diagnostic.span.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default();
            let message = diagnostic.message.replace(&format!("{}/", self.0.display()), "");
            // The system's own words differ from system to system.
            let message = if diagnostic.kind.id() == "cannot-read" { "cannot be read: no such file" } else { &message };
            text += &format!("{file}{place} {} {message}\n", diagnostic.kind.id());
        }
        text
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn check(path: &str, wanted: Option<&str>, files: &str, expected: &str) {
    let project = Project::new(files);
    let found = project.listing(path, wanted);
    let expected: String =
        expected.lines().map(str::trim).filter(|line| !line.is_empty()).map(|l| format!("{l}\n")).collect();
    assert_eq!(found, expected, "\nfound:\n{found}");
}

fn one(files: &str) -> (Handler, Project) {
    let project = Project::new(files);
    let (mut handlers, diagnostics) = project.discover(".", None);
    assert_eq!((handlers.len(), diagnostics.as_slice()), (1, [].as_slice()), "{}", project.listing(".", None));
    (handlers.remove(0), project)
}

const SAM: &str = "
=== template.yaml
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Memory:
    Type: Number
    Default: 1024
  Stage:
    Type: String
Globals:
  Function:
    Runtime: python3.12
    CodeUri: src/
    Timeout: 30
    Layers: [!Ref Shared]
    Environment:
      Variables:
        LEVEL: info
        SIZE: '10'
Resources:
  Table:
    Type: AWS::Serverless::SimpleTable
  Shared:
    Type: AWS::Serverless::LayerVersion
  Resize:
    Type: AWS::Serverless::Function
    Properties:
      Handler: images/resize.lambda_handler
      MemorySize: !Ref Memory
      EphemeralStorage: {Size: 2048}
      Environment:
        Variables:
          TABLE: !Ref Table
          SIZE: 20
          NAME: !Sub 'app-${Memory}'
          BUCKET: !Sub '${Stage}-bucket'
      Events:
        Queue:
          Type: SQS
          Properties: {Queue: !GetAtt Q.Arn, BatchSize: 5}
        Web:
          Type: Api
          Properties: {Path: /resize, Method: post}
=== src/images/resize.py
def lambda_handler(event, context): ...
";

/// Settings are those of the function over those of `Globals`; `!Ref` of a parameter is its default; what only a
/// deployment decides is kept as written.
#[test]
fn sam_with_globals_parameters_and_events() {
    let (handler, project) = one(SAM);
    let settings = &handler.settings;
    assert_eq!(project.short(&handler.file), "src/images/resize.py");
    assert_eq!((handler.module.as_str(), handler.function.as_str()), ("images.resize", "lambda_handler"));
    assert_eq!(project.short(&handler.code_root), "src");
    assert_eq!(handler.platform, Platform::AwsLambda);
    assert_eq!(settings.runtime, Some((3, 12)));
    let memory = settings.memory_mb.as_ref().unwrap();
    assert_eq!((memory.value, memory.is_literal, memory.span.line, memory.span.column), (1024, false, 28, 19));
    let timeout = settings.timeout_s.as_ref().unwrap();
    assert_eq!((timeout.value, timeout.is_literal, timeout.span.line, timeout.span.column), (30, true, 13, 14));
    assert_eq!(settings.ephemeral_storage_mb.as_ref().unwrap().value, 2048);
    assert_eq!(settings.layers, ["!Ref Shared"]);
    let literal = |name: &str, value: &str| {
        assert_eq!(settings.environment[name], EnvValue::Literal(value.to_owned()), "{name}");
    };
    literal("LEVEL", "info");
    literal("SIZE", "20");
    literal("NAME", "app-1024");
    assert_eq!(settings.environment["TABLE"], EnvValue::Unresolved("!Ref Table".to_owned()));
    assert_eq!(settings.environment["BUCKET"], EnvValue::Unresolved("!Sub ${Stage}-bucket".to_owned()));
    let events: Vec<_> = settings.events.iter().map(|e| (e.kind.as_str(), e.name.as_str(), e.batch_size)).collect();
    assert_eq!(events, [("SQS", "Queue", Some(5)), ("Api", "Web", None)]);
    assert_eq!(settings.events[1].details["Path"], "/resize");
}

/// The same from the file's side: a template above the file supplies its settings.
#[test]
fn a_file_gets_its_settings_from_the_template_above() {
    let project = Project::new(SAM);
    let (handlers, diagnostics) = project.discover("src/images/resize.py", None);
    assert!(diagnostics.is_empty());
    assert_eq!(handlers[0].settings.timeout_s.as_ref().unwrap().value, 30);
    assert_eq!(project.short(&handlers[0].code_root), "src");
}

/// Relative paths stay relative.
#[test]
fn paths_are_as_the_user_writes_them() {
    let (handlers, _) = discover(&[PathBuf::from("./tests/../tests/data-of-discover/app.py")], None);
    assert_eq!(handlers[0].file, Path::new("tests/data-of-discover/app.py"));
    assert_eq!(
        (handlers[0].code_root.as_path(), handlers[0].module.as_str()),
        (Path::new("tests/data-of-discover"), "app")
    );
}

/// CloudFormation as JSON, with long-form functions, mappings, conditions and an event source of its own.
#[test]
fn cloudformation_json() {
    let (handler, _project) = one(r#"
=== stack.json
{
	"Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
	"Mappings": {"Sizes": {"prod": {"memory": 3008}, "dev": {"memory": 128}}},
	"Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
	"Resources": {
		"Fn": {"Type": "AWS::Lambda::Function", "Properties": {
			"Handler": {"Fn::Join": [".", ["app", "handler"]]}, "Runtime": "python3.11", "Code": "code",
			"MemorySize": {"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]},
			"Timeout": {"Fn::If": ["IsProd", 60, 5]}}},
		"Source": {"Type": "AWS::Lambda::EventSourceMapping",
			"Properties": {"FunctionName": {"Ref": "Fn"}, "BatchSize": 100}}
	}
}
=== code/app.py
async def handler(event, context): ...
"#);
    let settings = &handler.settings;
    assert_eq!(settings.memory_mb.as_ref().unwrap().value, 3008);
    assert_eq!(settings.timeout_s.as_ref().unwrap().value, 60);
    assert_eq!(settings.events[0].batch_size, Some(100));
}

/// Code inside the template is analysed with the template's own line numbers.
#[test]
fn inline_code() {
    let (handler, _project) = one("
=== template.yaml
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.12
      Code:
        ZipFile: |
          import json

          def handler(event, context):
              return json.dumps(event)
");
    assert!(handler.inline.is_some());
    let source = handler.source().unwrap();
    assert_eq!(source.line_of(&source.ast.body[1]), 11);
}

/// An image's handler is the `CMD` of its Dockerfile; its code is what `COPY` takes.
#[test]
fn container_images() {
    let (handler, project) = one("
=== template.yaml
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image, MemorySize: 512}
    Metadata: {DockerContext: ./image, Dockerfile: Dockerfile}
=== image/Dockerfile
FROM public.ecr.aws/lambda/python:3.11
COPY requirements.txt .
COPY src/ ${LAMBDA_TASK_ROOT}/
CMD [ \"app.lambda_handler\" ]
=== image/src/app.py
def lambda_handler(event, context): ...
");
    assert_eq!(project.short(&handler.file), "image/src/app.py");
    assert_eq!(handler.settings.runtime, Some((3, 11)));
    assert_eq!(handler.settings.package.as_deref(), Some("Image"));
}

/// What a template leaves to a deployment is a warning with its place and reason; other functions are still found;
/// functions in other languages are none of our business.
#[test]
fn what_a_template_does_not_decide() {
    check(
        ".",
        None,
        "
=== template.yaml
Resources:
  Bucket:
    Type: AWS::Lambda::Function
    Properties: {Handler: a.b, Runtime: python3.9, Code: {S3Bucket: b, S3Key: k.zip}}
  Uri:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, Runtime: python3.9, CodeUri: s3://bucket/key}
  Name:
    Type: AWS::Serverless::Function
    Properties: {Handler: !ImportValue Handler, Runtime: python3.9}
  Image:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image, ImageUri: 123.dkr.ecr/x}
  Node:
    Type: AWS::Serverless::Function
    Properties: {Handler: index.handler, Runtime: nodejs20.x}
  Built:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, Runtime: python3.9, CodeUri: dist/}
  Good:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, Runtime: python3.9, MemorySize: !Ref Unknown}
=== app.py
def handler(event, context): ...
",
        "
app.py:handler template.yaml Good
template.yaml:22:72 unresolved-template `MemorySize` is `!Ref Unknown`, not a number that the template decides
template.yaml:4:58 unresolved-template the code of `Bucket` is in an S3 bucket, not in this project
template.yaml:7:61 unresolved-template the code of `Uri` is at `s3://bucket/key`, not in this project
template.yaml:10:27 unresolved-template the handler of `Name` is `!ImportValue Handler`, which only a deployment decides
template.yaml:11:3 unresolved-template `Image` is a container image without `Metadata: DockerContext`
template.yaml:19:61 unresolved-template the code of `Built` is the folder `dist/`, which is not there (a build may make it)
",
    );
}

/// Names that are not there are errors with their place in the template. The other handlers are still found, and the
/// file is searched as if no template named it.
#[test]
fn handlers_that_are_not_there() {
    let files = "
=== template.yaml
Resources:
  A:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.lambda_handle, Runtime: python3.9}
  B:
    Type: AWS::Serverless::Function
    Properties: {Handler: ap.lambda_handler, Runtime: python3.9}
=== app.py
def lambda_handler(event, context): ...
";
    check(
        ".",
        None,
        files,
        "
app.py:lambda_handler signature
template.yaml:4:27 unknown-handler `app.py` does not define `lambda_handle`, the handler of `A`
template.yaml:7:27 unknown-handler no file `ap.py` in the code of `B`
",
    );
    let (_, diagnostics) = Project::new(files).discover(".", None);
    let helps: Vec<_> = diagnostics.iter().filter_map(|d| d.help.as_deref()).collect();
    assert_eq!(helps, ["did you mean `lambda_handler`?", "did you mean `app`?"]);
}

/// For a file that the user names, a template's mistakes are warnings, and do not hide what the file says.
#[test]
fn a_templates_mistakes_do_not_hide_a_file() {
    let project = Project::new(
        "
=== template.yaml
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {Handler: app.handle, Runtime: python3.9}}
=== template.json
{
=== app.py
def handler(event, context): ...
",
    );
    assert_eq!(
        project.listing("app.py", None),
        "\
app.py:handler signature
template.json:2:1 invalid-template a key in double quotes is expected here
template.yaml:2:62 unknown-handler `app.py` does not define `handle`, the handler of `A`
"
    );
    let (_, diagnostics) = project.discover("app.py", None);
    assert!(diagnostics.iter().all(|diagnostic| !diagnostic.is_error()));
}

/// One function that two entries or two templates name is listed once; the others are noted.
#[test]
fn a_function_is_listed_once() {
    let (handler, _project) = one("
=== a/template.yaml
Resources:
  First: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.9, CodeUri: ../src, MemorySize: 256}}
  Second: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.9, CodeUri: ../src}}
=== serverless.yml
provider: {name: aws, runtime: python3.9}
functions:
  third: {handler: src/app.handler}
=== src/app.py
def handler(event, context): ...
");
    assert_eq!(handler.settings.memory_mb.unwrap().value, 256);
    assert_eq!(handler.others.len(), 2);
}

/// Nested applications are followed; an application that nests itself ends.
#[test]
fn nested_applications() {
    check(
        "root.yaml",
        None,
        "
=== root.yaml
Transform: AWS::Serverless-2016-10-31
Resources:
  Child: {Type: AWS::Serverless::Application, Properties: {Location: child/app.yml}}
=== child/app.yml
Resources:
  Fn: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.9}}
  Back: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../root.yaml}}
=== child/app.py
def handler(event, context): ...
",
        "child/app.py:handler child/app.yml Fn",
    );
}

/// Anchors, merge keys and aliases are YAML's own way to share settings.
#[test]
fn anchors_and_merge_keys() {
    let (handler, _project) = one("
=== serverless.yml
provider: {name: aws, runtime: python3.9}
custom:
  base: &base
    memorySize: 512
    timeout: 10
functions:
  hello:
    <<: *base
    handler: handler.hello
    timeout: 20
=== handler.py
def hello(event, context): ...
");
    assert_eq!(handler.settings.memory_mb.unwrap().value, 512);
    assert_eq!(handler.settings.timeout_s.unwrap().value, 20);
}

/// Variables that the files decide are resolved: other properties, files, fallbacks, nested.
#[test]
fn serverless_variables_and_includes() {
    let project = Project::new(
        "
=== serverless.yml
service: s
provider:
  name: aws
  runtime: ${self:custom.runtime}
  stage: ${opt:stage, 'dev'}
  memorySize: ${self:custom.memory.${self:provider.stage}}
  environment:
    STAGE: ${self:provider.stage}
    KEY: ${ssm:/key}
custom:
  runtime: python3.11
  memory: {dev: 256, prod: 1024}
functions:
  - ${file(functions/web.yml)}
  - ${file(functions/jobs.yml):functions}
  - direct:
      handler: ./src/direct.Handler.run
      events:
        - sqs: {arn: arn, batchSize: 3}
        - http: GET hello
        - schedule: rate(1 minute)
=== functions/web.yml
web:
  handler: src/web.main
=== functions/jobs.yml
functions:
  job: {handler: src.jobs.work, memorySize: 2048}
=== src/web.py
def main(event, context): ...
=== src/jobs.py
work = lambda event, context: event
=== src/direct.py
class Base:
    @staticmethod
    def run(event, context): ...
class Handler(Base): ...
",
    );
    assert_eq!(
        project.listing(".", None),
        "src/web.py:main serverless.yml web\nsrc/jobs.py:work serverless.yml job\nsrc/direct.py:Base.run serverless.yml direct\n"
    );
    let (handlers, _) = project.discover(".", None);
    let memory: Vec<u64> = handlers.iter().map(|h| h.settings.memory_mb.as_ref().unwrap().value).collect();
    assert_eq!(memory, [256, 2048, 256]);
    let settings = &handlers[2].settings;
    assert_eq!(settings.environment["STAGE"], EnvValue::Literal("dev".to_owned()));
    assert_eq!(settings.environment["KEY"], EnvValue::Unresolved("${ssm:/key}".to_owned()));
    let events: Vec<_> = settings.events.iter().map(|event| (event.kind.as_str(), event.batch_size)).collect();
    assert_eq!(events, [("sqs", Some(3)), ("http", None), ("schedule", None)]);
}

/// A service described by a program is named, not run.
#[test]
fn serverless_programs() {
    check(
        "serverless.ts",
        None,
        "=== serverless.ts\nexport default {provider: {runtime: 'python3.9'}}\n",
        "
serverless.ts unresolved-template this service is described by a program, which is not run
serverless.ts no-handler no handler was found that can be analysed
",
    );
}

/// Google: decorators under any import, then `main.py` with `(request)` and its kin.
#[test]
fn google() {
    check(
        ".",
        None,
        "
=== a.py
import functions_framework as ff
@ff.http
def web(request): ...
@ff.cloud_event
def on_event(event): ...
def helper(request): ...
=== b/main.py
from functions_framework import http
@http
def entry(request): ...
=== c/main.py
def hello(request):
    return helper(request)
def helper(request): ...
=== d/views.py
def index(request): ...
",
        "
a.py:web decorator
a.py:on_event decorator
b/main.py:entry decorator
c/main.py:hello signature
",
    );
}

/// Azure: `function.json` of the v1 model, with the app's timeout, and decorators of the v2 model.
#[test]
fn azure() {
    let project = Project::new(
        r#"
=== host.json
{"version": "2.0", "functionTimeout": "00:05:00"}
=== Http/function.json
{"scriptFile": "__init__.py", "bindings": [
  {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "function"},
  {"type": "http", "direction": "out", "name": "$return"}]}
=== Http/__init__.py
import azure.functions as func
def main(req: func.HttpRequest): ...
=== Queue/function.json
{"scriptFile": "../shared/work.py", "entryPoint": "run", "bindings": [{"type": "queueTrigger", "name": "msg"}]}
=== shared/work.py
async def run(msg): ...
=== function_app.py
import azure.functions as func
app = func.FunctionApp()
@app.function_name(name="x")
@app.route(route="hello")
def hello(req): ...
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
@app.queue_output(arg_name="out", queue_name="q", connection="c")
def tick(timer, out): ...
def helper(req): ...
=== blueprint.py
import azure.functions as func
bp = func.Blueprint()
@bp.blob_trigger(arg_name="blob", path="p", connection="c")
def on_blob(blob): ...
"#,
    );
    assert_eq!(
        project.listing(".", None),
        "\
Http/__init__.py:main Http/function.json
shared/work.py:run Queue/function.json
blueprint.py:on_blob decorator
function_app.py:hello decorator
function_app.py:tick decorator
"
    );
    let (handlers, _) = project.discover(".", None);
    assert!(handlers.iter().all(|handler| handler.platform == Platform::Azure));
    assert_eq!(handlers[0].settings.timeout_s.as_ref().unwrap().value, 300);
    assert_eq!(handlers[0].settings.events[0].kind, "httpTrigger");
    assert_eq!(handlers[0].module, "Http");
}

/// Decorated AWS handlers: the function beneath the decorators is the handler. Chalice makes a function of each view.
#[test]
fn decorated_aws_handlers() {
    check(
        ".",
        None,
        "
=== powertools.py
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator
logger = Logger()
@lambda_handler_decorator
def middleware(handler, event, context): ...
@logger.inject_lambda_context(log_event=True)
def process(evt, ctx): ...
=== chalice_app.py
from chalice import Chalice
app = Chalice(app_name='x')
@app.route('/')
def index(): ...
@app.on_sqs_message(queue='q', batch_size=1)
def work(event): ...
",
        "
chalice_app.py:index decorator
chalice_app.py:work decorator
powertools.py:process decorator
",
    );
}

/// By signature: `(event, context)` under its usual names, with hints and defaults, async; helpers of the same file
/// are left out, well-known names come first.
#[test]
fn signatures() {
    check(
        "app.py",
        None,
        "
=== app.py
import json
def process(event, context): ...
async def on_upload(event: dict, _context: 'LambdaContext' = None): ...
def lambda_handler(evt, ctx): return process(evt, ctx)
def add(a, b): ...
def configure(event, context, *, required): ...
class Service:
    def handle(self, event, context): ...
",
        "
app.py:lambda_handler signature
app.py:on_upload signature
",
    );
    check("m.py", None, "=== m.py\nclass H:\n    def handle(self, event, context): ...\n", "m.py:H.handle signature");
    check("f.py", None, "=== f.py\ndef handler(event): ...\ndef other(x): ...\n", "f.py:handler signature");
    check("w.py", None, "=== w.py\ndef main(args): ...\n", "w.py:main signature");
}

/// Aliases, partials, wrappers of a function and imports lead to the function.
#[test]
fn assignments_that_lead_to_a_function() {
    let resolved = |text: &str, expected: &str| check("app.py", None, text, expected);
    resolved("=== app.py\ndef work(e, c): ...\nhandler = work\n", "app.py:work assignment");
    resolved(
        "=== app.py\nimport functools\ndef work(x, e, c): ...\nhandler = functools.partial(work, 1)\n",
        "app.py:work assignment",
    );
    resolved(
        "=== app.py\nfrom lib import wrap\ndef work(payload, ctx2): ...\nlambda_handler = wrap(retries=3)(work)\n",
        "app.py:work assignment",
    );
    resolved(
        "=== app.py\nclass App:\n    def __call__(self, a, b): ...\nhandler = App()\n",
        "app.py:App.__call__ assignment",
    );
    resolved(
        "=== app.py\nclass App:\n    def run(self, a, b): ...\napp = App()\nhandler = app.run\n",
        "app.py:App.run assignment",
    );
    resolved(
        "=== app.py\nfrom .core.work import handler\n=== core/work.py\ndef handler(event, context): ...\n",
        "core/work.py:handler assignment",
    );
    resolved(
        "=== app.py\nfrom wrap import wrap\ndef handler(event, context): ...\nhandler = wrap(handler)\n",
        "app.py:handler signature",
    );
}

/// A handler made at run time is named, with the reason and what to pass instead.
#[test]
fn assignments_that_cannot_be_analysed() {
    let text = "
=== app.py
from fastapi import FastAPI
from mangum import Mangum
app = FastAPI()
@app.get('/')
def index(): ...
handler = Mangum(app)
";
    check(
        "app.py",
        None,
        text,
        "
app.py:6:1 not-analysable `handler` is an adapter that serves an ASGI application, made at run time by `Mangum(…)`: there is no function to read
app.py no-handler no handler was found that can be analysed
",
    );
    let (_, diagnostics) = Project::new(text).discover("app.py", None);
    assert_eq!(diagnostics[0].help.as_deref(), Some("name the function that does the work with `--handler`: `index`"));
    // What `logging` makes is no handler of ours.
    check(
        "app.py",
        None,
        "=== app.py\nimport logging\nhandler = logging.StreamHandler()\ndef lambda_handler(event, context): ...\n",
        "app.py:lambda_handler signature",
    );
    // Aliases in a circle end.
    check(
        "app.py",
        Some("a"),
        "=== app.py\na = b\nb = a\n",
        "app.py:1:1 not-analysable `a` is defined in a circle of aliases or imports",
    );
}

/// `--handler` wins, in each of its forms.
#[test]
fn the_option_wins() {
    let files = "
=== src/app.py
def handler(event, context): ...
def other(x): ...
class Worker:
    def run(self, job): ...
=== src/pkg/mod.py
def other(y): ...
";
    for (wanted, expected) in [
        ("src/app.other", "src/app.py:other option\n"),
        ("app.other", "src/app.py:other option\n"),
        ("pkg.mod.other", "src/pkg/mod.py:other option\n"),
        ("other", "src/app.py:other option\nsrc/pkg/mod.py:other option\n"),
        ("Worker.run", "src/app.py:Worker.run option\n"),
        ("src/app.py:Worker.run", "src/app.py:Worker.run option\n"),
        ("app.Worker.run", "src/app.py:Worker.run option\n"),
        ("handler", "src/app.py:handler signature\n"),
        ("handlr", " unknown-handler no handler `handlr` is defined here\n"),
    ] {
        assert_eq!(Project::new(files).listing(".", Some(wanted)), expected, "{wanted}");
    }
    let (_, diagnostics) = Project::new(files).discover(".", Some("handlr"));
    assert_eq!(diagnostics[0].help.as_deref(), Some("did you mean `handler`?"));
}

/// Broken files are reported with line and column, and the others are still done.
#[test]
fn broken_input() {
    check(
        ".",
        None,
        "
=== a/template.yaml
Resources:
  Fn: {Type: AWS::Serverless::Function
=== b/template.json
{\"Resources\": {,}}
=== c/serverless.yml
functions:
\thello: 1
=== d/broken.py
def f(:
=== e/app.py
def handler(event, context): ...
",
        "
e/app.py:handler signature
a/template.yaml:3:1 invalid-template while parsing a flow mapping, did not find expected ',' or '}'
b/template.json:1:16 invalid-template a key in double quotes is expected here
c/serverless.yml:2:2 invalid-template a tab indents this line: YAML allows spaces only
d/broken.py:1:7 syntax-error Expected a parameter or the end of the parameter list
",
    );
    check("missing.py", None, "", "missing.py cannot-read cannot be read: no such file");
}

/// A key given twice is told; the last one counts.
#[test]
fn duplicate_keys() {
    check(
        ".",
        None,
        "
=== template.yaml
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.9
      Handler: app.first
      Handler: app.second
=== app.py
def first(event, context): ...
def second(event, context): ...
",
        "
app.py:second template.yaml Fn
template.yaml:7:7 invalid-template `Handler` is given twice (first in line 6)
",
    );
}

/// Virtual environments, installed packages, build folders and hidden folders hold no handlers of the project.
#[test]
fn folders_that_are_not_the_projects() {
    let handler = "def handler(event, context): ...";
    let mut files = String::new();
    for folder in ["node_modules/x", "env", "lib/site-packages", "__pycache__", ".aws-sam/build", ".git", "src"] {
        files += &format!("=== {folder}/app.py\n{handler}\n");
    }
    files += "=== env/pyvenv.cfg\nhome = x\n=== src/test_app.py\ndef handler(event, context): ...\n";
    check(".", None, &files, "src/app.py:handler signature");
}

/// Templates that try to exhaust memory, time or the stack end at once.
#[test]
fn hostile_templates() {
    let deep = format!("=== template.yaml\nResources: {}\n", "[".repeat(10_000));
    let deep_block = format!("=== template.yaml\n{}x\n", "- ".repeat(10_000));
    let deep_json = format!("=== template.json\n{}\n", "{\"a\":".repeat(10_000));
    let mut laughs = String::from("=== template.yaml\nResources: {}\na0: &a0 [x, x]\n");
    let mut chain = String::from("=== template.yaml\na0: &a0 [x]\n");
    for n in 1..100 {
        laughs += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    for n in 1..10_000 {
        chain += &format!("a{n}: &a{n} [*a{}]\n", n - 1);
    }
    let own = "=== template.yaml\na: &a [*a]\n".to_owned();
    for (files, is_invalid) in
        [(deep, true), (deep_block, true), (deep_json, true), (laughs, false), (chain, true), (own, true)]
    {
        let (handlers, diagnostics) = Project::new(&files).discover(".", None);
        assert!(handlers.is_empty());
        assert_eq!(diagnostics.iter().any(|d| d.kind.id() == "invalid-template"), is_invalid, "{diagnostics:?}");
    }
    // Conditions that name each other, joins of joins, variables that name themselves.
    check(
        ".",
        None,
        "
=== template.yaml
Conditions: {A: !Condition B, B: !Not [!Condition A]}
Resources:
  Fn: {Type: AWS::Serverless::Function, Properties: {Handler: !If [A, a.b, c.d], Runtime: python3.9}}
=== serverless.yml
provider: {name: aws, runtime: python3.9}
custom: {a: '${self:custom.b}', b: '${self:custom.a}x'}
functions: {f: {handler: '${self:custom.a}'}}
",
        "
serverless.yml:3:26 unresolved-template the handler of `f` is `${self:custom.a}`, which only a deployment decides
template.yaml:3:63 unresolved-template the handler of `Fn` is `!If [A, a.b, c.d]`, which only a deployment decides
. no-handler no handler was found that can be analysed
",
    );
}

/// Templates cut short, or with a part replaced, give diagnostics: never a panic.
#[test]
fn mutated_templates_never_panic() {
    let base = SAM.split_once("=== template.yaml\n").unwrap().1.split_once("=== ").unwrap().0;
    let project = Project::new("=== src/images/resize.py\ndef lambda_handler(event, context): ...\n");
    let file = project.0.join("template.yaml");
    let parts = [
        "[", "{", "}", "]", ":", "&a ", "*a", "!Ref", "<<: ", "- ", "\t", "\"", "'", "|\n", "\u{e9}", "${", "? ", "\0",
    ];
    // A linear congruential generator (Knuth, MMIX): the same mutations on every run.
    let mut state = 42u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut found = 0;
    for round in 0..300 {
        let mut text = base.to_owned();
        for _ in 0..=round % 4 {
            let start = text.floor_char_boundary(next(text.len()));
            let end = text.floor_char_boundary((start + next(12)).min(text.len()));
            text.replace_range(start..end, parts[next(parts.len())]);
        }
        std::fs::write(&file, &text).unwrap();
        let (handlers, diagnostics) = discover(std::slice::from_ref(&file), None);
        assert!(!handlers.is_empty() || !diagnostics.is_empty(), "silent on:\n{text}");
        found += handlers.len();
    }
    assert!(found > 10, "mutations leave something to find: {found}");
}

/// The command: a line a handler, or JSON with a schema; 0 when all is well, 2 when something was wrong.
#[test]
fn the_command() {
    let project = Project::new(SAM);
    let run = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .arg("handlers")
            .args(words)
            .current_dir(&project.0)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(
        run(&["."]),
        (
            Some(0),
            "src/images/resize.py:lambda_handler  aws-lambda python3.12 1024 MB 30 s  template.yaml:24 (Resize)\n"
                .to_owned(),
            String::new()
        )
    );
    let (code, json, _) = run(&["--format", "json", "template.yaml"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(json["schema"]["name"], "meminterface.handlers");
    let handler = &json["handlers"][0];
    assert_eq!(handler["handler"], "images.resize.lambda_handler");
    assert_eq!(handler["code_root"], "src");
    assert_eq!(handler["settings"]["timeout_s"]["value"], 30);
    assert_eq!(handler["settings"]["timeout_s"]["line"], 13);
    assert_eq!(handler["settings"]["environment"]["TABLE"]["unresolved"], "!Ref Table");
    let (code, text, problems) = run(&[".", "missing.py"]);
    assert_eq!((code, text.lines().count()), (Some(2), 1));
    assert!(problems.contains("missing.py") && problems.contains("cannot-read"), "{problems}");
    assert_eq!(run(&["."]), run(&["."]));
}
