//! Which callables calls reach. The behaviour is described, with Python and the expected call graph, in the Markdown
//! files of tests/calls/: a heading a behaviour; `python` blocks are files (`main.py` unless named); the `json` block
//! is the call graph without callers that call nothing; a `names` block lists the names of the calls of `main.py` that
//! stand in functions or at the top, as `line name`; a `missed` block lists calls that CPython makes and the graph lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use meminterface::calls::{Callee, FunctionKind, Program, Unknown, Value};
use meminterface::project::source::with_stack;
use meminterface::project::{LoadOptions, ModuleId, Project};
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

struct Case {
    title: String,
    files: Vec<(String, String)>,
    graph: Option<String>,
    names: Option<String>,
}

/// Reads the cases of a Markdown file.
fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            cases.push(Case { title: title.to_owned(), files: Vec::new(), graph: None, names: None });
        } else if let Some(info) = line.strip_prefix("```") {
            let block: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            let Some(case) = cases.last_mut() else { panic!("a block before the first heading") };
            match info.split_once(' ').unwrap_or((info, "main.py")) {
                ("python", name) => case.files.push((name.to_owned(), block)),
                ("json", _) => case.graph = Some(block),
                ("names", _) => case.names = Some(block),
                // Calls that CPython makes and the graph lacks: tests/python/test_calls_ground_truth.py.
                ("missed", _) => {}
                (other, _) => panic!("a block of kind {other:?}"),
            }
        }
    }
    cases
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("meminterface-calls-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

fn write(folder: &Path, files: &[(String, String)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

/// Analyses `main.py` among the files.
fn with_program<T: Send>(name: &str, files: &[(String, String)], look: impl FnOnce(&Program) -> T + Send) -> T {
    let folder = folder(name);
    write(&folder, files);
    let options = LoadOptions { roots: vec![folder.clone()], ..LoadOptions::default() };
    let result = with_stack(|| {
        let (project, diagnostics) = Project::load(&[(folder.join("main.py"), "main".to_owned())], &options);
        assert_eq!(diagnostics, []);
        let program = Program::analyse(&project);
        assert!(program.is_complete());
        look(&program)
    });
    fs::remove_dir_all(&folder).expect("to remove the folder");
    result
}

struct Calls<'a>(Vec<&'a ExprCall>);

impl<'a> Visitor<'a> for Calls<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.0.push(call);
        }
        walk_expr(self, expr);
    }
}

/// The calls of a module, in order.
fn calls<'p>(program: &Program<'p>, module: ModuleId) -> Vec<&'p ExprCall> {
    let mut found = Calls(Vec::new());
    found.visit_body(&program.project().module(module).source.ast.body);
    found.0
}

fn names(program: &Program) -> String {
    let module = program.project().find("main").expect("main");
    let source = &program.project().module(module).source;
    calls(program, module)
        .into_iter()
        .map(|call| format!("{} {}\n", source.line_of(call), program.call_name(module, call)))
        .collect()
}

#[test]
fn behaviours() {
    let mut failures = Vec::new();
    let mut count = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls"))
        .expect("tests/calls")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    for path in files {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for case in cases(&fs::read_to_string(&path).expect("a file")) {
            count += 1;
            let (graph, names) =
                with_program(&stem, &case.files, |program| (program.adjacency().clone(), names(program)));
            let graph: BTreeMap<_, _> = graph.into_iter().filter(|(_, callees)| !callees.is_empty()).collect();
            let expected: BTreeMap<String, BTreeSet<String>> =
                serde_json::from_str(case.graph.as_deref().expect("a json block")).expect("a graph");
            if graph != expected {
                let graph = serde_json::to_string_pretty(&graph).expect("JSON");
                failures.push(format!("{stem}, {}: the graph is\n{graph}", case.title));
            }
            if let Some(expected) = case.names
                && expected != names
            {
                failures.push(format!("{stem}, {}: the names are\n{names}", case.title));
            }
        }
    }
    assert!(count > 40, "the cases were not found");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn one(text: &str) -> Vec<(String, String)> {
    vec![("main.py".to_owned(), text.to_owned())]
}

/// The range of the first place where a text stands.
fn range(program: &Program, module: ModuleId, text: &str) -> TextRange {
    let at = program.project().module(module).source.text.find(text).expect("the text");
    TextRange::new((at as u32).into(), ((at + text.len()) as u32).into())
}

#[test]
fn a_call_says_whether_its_receiver_is_bound() {
    with_program("bound", &one("class A:\n    def m(self): pass\na = A()\na.m()\nA.m(a)\nlen('x')\n"), |program| {
        let module = program.project().find("main").expect("main");
        let method = program.function_named(module, "A.m").expect("A.m");
        let class = program.function(method).class.expect("a class");
        let callees = |text| program.callees(module, range(program, module, text)).to_vec();
        assert_eq!(callees("A()"), [Callee::Class(class)]);
        assert_eq!(callees("a.m()"), [Callee::Function { function: method, bound: true }]);
        assert_eq!(callees("A.m(a)"), [Callee::Function { function: method, bound: false }]);
        assert_eq!(callees("len('x')"), [Callee::Builtin("len".to_owned())]);
    });
}

#[test]
fn implicit_calls_are_kept_at_their_place() {
    let text = "\
class A:
    def __enter__(self): return self
    def __exit__(self, *a): pass
    def __iter__(self): return iter([1])
    def __add__(self, other): return self
    @property
    def size(self): return 1
    def __len__(self): return 1

def keep(f): return f

@keep
def each(x): return x

a = A()
with a as b: pass
for x in a: pass
a + 1
a.size
len(a)
list(map(each, [1]))
";
    with_program("implicit", &one(text), |program| {
        let module = program.project().find("main").expect("main");
        let implicit = |text: &str| -> Vec<String> {
            program
                .implicit_callees(module, range(program, module, text))
                .iter()
                .map(|callee| match callee {
                    Callee::Function { function, .. } => program.function(*function).name.clone(),
                    other => format!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(implicit("@keep"), ["keep"]);
        assert_eq!(implicit("a + 1"), ["A.__add__"]);
        assert_eq!(implicit("a.size"), ["A.size"]);
        assert_eq!(implicit("len(a)"), ["A.__len__"]);
        assert_eq!(implicit("map(each, [1])"), ["each"]);
        let manager = {
            let whole = range(program, module, "with a as");
            TextRange::at(whole.start() + ruff_text_size::TextSize::from(5), 1.into())
        };
        let entered: Vec<&str> = program
            .implicit_callees(module, manager)
            .iter()
            .filter_map(|callee| match callee {
                Callee::Function { function, .. } => Some(program.function(*function).name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(entered, ["A.__enter__", "A.__exit__"]);
    });
}

#[test]
fn expressions_have_values() {
    let text = "\
import ext
class A: pass
def f(event):
    client = ext.make('x')
    client.send
    event['a']
    A()
    return f
name = 'n'
print(name, f, A)
";
    with_program("values", &one(text), |program| {
        let module = program.project().find("main").expect("main");
        let values = |text| program.values(module, range(program, module, text)).to_vec();
        assert_eq!(values("client.send"), [Value::External("ext.make(\"x\").send".to_owned())]);
        assert_eq!(values("event['a']"), [Value::Unknown(Unknown::Parameter)]);
        let class = program.classes().next().expect("a class").0;
        assert_eq!(values("A()"), [Value::Instance(class)]);
        let inside = |text: &str| {
            let start = range(program, module, "print(name, f, A)").start();
            let rest = &program.project().module(module).source.text[usize::from(start)..];
            let at = start + ruff_text_size::TextSize::from(rest.find(text).expect("the text") as u32 + 1);
            program.values(module, TextRange::at(at, (text.len() as u32 - 1).into())).to_vec()
        };
        assert_eq!(inside("(name"), [Value::Str("n".to_owned())]);
        assert_eq!(inside(" A"), [Value::Class(class)]);
    });
}

#[test]
fn functions_know_what_they_are() {
    let text = "\
class A:
    def m(self): pass
    @staticmethod
    def s(): pass
    @classmethod
    def c(cls): pass
    @property
    def p(self): yield 1
async def f():
    return lambda: 1
";
    with_program("kinds", &one(text), |program| {
        let seen: Vec<(String, FunctionKind, bool, bool)> = program
            .functions()
            .map(|(_, of)| (of.qualified_name.clone(), of.kind, of.is_generator, of.is_async))
            .collect();
        let expected = [
            ("main", FunctionKind::Module, false, false),
            ("main.A", FunctionKind::ClassBody, false, false),
            ("main.A.m", FunctionKind::Method, false, false),
            ("main.A.s", FunctionKind::StaticMethod, false, false),
            ("main.A.c", FunctionKind::ClassMethod, false, false),
            ("main.A.p", FunctionKind::Property, true, false),
            ("main.f", FunctionKind::Plain, false, true),
            ("main.f.<lambda1>", FunctionKind::Lambda, false, false),
        ];
        let expected: Vec<_> = expected.iter().map(|(name, kind, g, a)| ((*name).to_owned(), *kind, *g, *a)).collect();
        assert_eq!(seen, expected);
    });
}

#[test]
fn the_constructor_is_looked_up_along_the_ancestors() {
    with_program("constructor", &one("class A:\n    def __init__(self): pass\nclass B(A): pass\nB()\n"), |program| {
        let module = program.project().find("main").expect("main");
        let (class, _) = program.classes().find(|(_, class)| class.name == "B").expect("B");
        assert_eq!(program.constructor(class), program.function_named(module, "A.__init__"));
    });
}

#[test]
fn the_result_is_the_same_on_every_run() {
    let text = "\
import ext, random
class A:
    def m(self): return ext.x().y(self)
class B(A):
    def m(self): return super().m()
table = {str(i): c for i, c in enumerate([A, B])}
for key in table: table[key]().m()
pick = random.choice([A, B])
pick().m()
";
    let look = |program: &Program| {
        let module = program.project().find("main").expect("main");
        let callees: Vec<Vec<Callee>> =
            calls(program, module).iter().map(|call| program.callees(module, call.range()).to_vec()).collect();
        (format!("{:?}", program.adjacency()), callees)
    };
    let first = with_program("same-1", &one(text), look);
    for _ in 0..3 {
        assert_eq!(with_program("same-2", &one(text), look), first);
    }
}

/// Programs whose naive analysis does not end, overflows the stack, or takes time that grows with a power.
#[test]
fn hostile_programs_end() {
    let nested_loops: String = (0..40).map(|depth| format!("{}for i{depth} in x:\n", " ".repeat(depth))).collect();
    let ifs: String = (0..60).map(|at| format!("if x: a = f; b{at} = a\nelse: a = g; c{at} = a\n")).collect();
    let chain: String = (0..1_500).map(|at| format!("def f{at}(): return f{}()\n", at + 1)).collect();
    let doubling: String =
        (0..200).map(|at| format!("def f{at}():\n    f{n}(); f{n}(); return f{n}()\n", n = at + 1)).collect();
    let returns: String = (0..500).map(|at| format!("    a{at} = x\n    if x == {at}: return a{at}\n")).collect();
    for (name, text) in [
        ("loops", format!("x = [1]\ndef f(): pass\n{nested_loops}{}f()\n", " ".repeat(40))),
        ("ifs", format!("def f(): pass\ndef g(): pass\nx = 1\n{ifs}a()\n")),
        ("chain", format!("{chain}def f1500(): pass\nf0()\n")),
        ("doubling", format!("{doubling}def f200(): pass\nf0()\n")),
        ("returns", format!("def f(x):\n{returns}f(1)(2)\n")),
        ("names", "import e\nx = e.a()\nwhile x: x = x.b(x)['c'](x)\ny = e\nfor i in x: y = y()\n".to_owned()),
        ("texts", "s = ''\nwhile s: s = s + 'a' + s\ngetattr(s, s)()\n".to_owned()),
        ("partials", "import functools\np = print\nwhile p: p = functools.partial(p, p)\np()\n".to_owned()),
        ("wrappers", "f = print\nwhile f: f = classmethod(staticmethod(f))\nclass A: m = f\nA().m()\n".to_owned()),
        (
            "circles",
            "l = []\nl.append(l)\nl[0][0]()\nclass A(A): pass\nclass B(list, B): pass\nclass C:\n    __get__ = None\n\
             C.__get__ = C()\nC.__call__ = C()\nclass D: c = C()\nD().c()\nC()()\n"
                .to_owned(),
        ),
        ("deep calls", format!("def f(x): return x\nf{}\n", "(f)".repeat(2_000))),
        ("deep arguments", format!("def f(x): return x\n{}f{}\n", "f(".repeat(900), ")".repeat(900))),
        ("empty", String::new()),
    ] {
        let graph = with_program("hostile", &one(&text), |program| program.adjacency().clone());
        assert!(graph.contains_key("main"), "{name}");
    }
}

#[test]
fn a_broken_module_is_external_and_the_others_go_on() {
    let folder = folder("broken");
    write(
        &folder,
        &[
            ("main.py".to_owned(), "import broken, fine\nbroken.f()\nfine.g()\n".to_owned()),
            ("broken.py".to_owned(), "def f(:\n".to_owned()),
            ("fine.py".to_owned(), "def g(): pass\n".to_owned()),
        ],
    );
    let options = LoadOptions { roots: vec![folder.clone()], ..LoadOptions::default() };
    let entries = [(folder.join("main.py"), "main".to_owned()), (folder.join("missing.py"), "missing".to_owned())];
    let (project, diagnostics) = Project::load(&entries, &options);
    assert_eq!(diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count(), 1, "the missing entry");
    assert_eq!(diagnostics.len(), 2, "and a warning for the broken import");
    let program = Program::analyse(&project);
    let callees: Vec<&str> = program.adjacency()["main"].iter().map(String::as_str).collect();
    assert_eq!(callees, ["broken.f", "fine.g"]);
    fs::remove_dir_all(&folder).expect("to remove the folder");
}

/// Dependencies that are deployed beside the handler are external, unless asked for.
#[test]
fn installed_packages_are_external() {
    let folder = folder("installed");
    write(
        &folder,
        &[
            ("main.py".to_owned(), "import requests, mine\nrequests.get('x')\nmine.f()\n".to_owned()),
            ("mine.py".to_owned(), "def f(): pass\n".to_owned()),
            ("requests/__init__.py".to_owned(), "def get(url): return helper(url)\ndef helper(url): pass\n".to_owned()),
            ("requests-2.0.dist-info/RECORD".to_owned(), "requests/__init__.py,sha256=x,1\n".to_owned()),
        ],
    );
    let entries = [(folder.join("main.py"), "main".to_owned())];
    for (installed, modules) in [(false, 2), (true, 3)] {
        let options = LoadOptions { roots: vec![folder.clone()], installed, ..LoadOptions::default() };
        let (project, diagnostics) = Project::load(&entries, &options);
        assert_eq!(diagnostics, []);
        assert_eq!(project.len(), modules);
        let program = Program::analyse(&project);
        assert_eq!(program.adjacency().contains_key("requests.helper"), installed);
        assert!(program.adjacency()["main"].contains("requests.get"));
    }
    fs::remove_dir_all(&folder).expect("to remove the folder");
}

/// `meminterface calls`: every function is a key, module names are relative to the package.
#[test]
fn the_verb_prints_an_adjacency_list() {
    let folder = folder("verb");
    write(
        &folder,
        &[
            ("app/main.py".to_owned(), "from app import tools\ntools.used()\nlen('x')\n".to_owned()),
            ("app/tools.py".to_owned(), "def used(): pass\ndef unused(): pass\n".to_owned()),
            ("app/__init__.py".to_owned(), String::new()),
        ],
    );
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .current_dir(&folder)
            .args(arguments)
            .output()
            .expect("the command");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let (code, text) = run(&["calls", "app/main.py", "--package", "."]);
    assert_eq!(code, Some(0));
    let graph: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        graph,
        serde_json::json!({
            "<builtin>.len": [],
            "app": [],
            "app.main": ["<builtin>.len", "app.tools.used"],
            "app.tools": [],
            "app.tools.unused": [],
            "app.tools.used": [],
        })
    );
    // Without a package, the folder of the file is where imports start.
    let (code, text) = run(&["calls", "app/tools.py", "--format", "text"]);
    assert_eq!((code, text.as_str()), (Some(0), "tools\ntools.unused\ntools.used\n"));
    // A file that is not there: exit code 2, and the others are still done.
    let (code, text) = run(&["calls", "app/nothing.py", "app/tools.py", "--format", "text"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("tools.used"));
    fs::remove_dir_all(&folder).expect("to remove the folder");
}
