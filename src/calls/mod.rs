//! Which callables each call reaches: an abstract execution of the project's code.
//!
//! [`Program::analyse`] follows values (functions, classes, instances, containers, names from outside) through
//! assignments, calls, attributes and elements, in the order in which statements run, and keeps what every call may
//! reach. What is resolved, what is not, and how things are named: docs/CALLS.md. Reads no files, runs nothing of the
//! user. Depends on `diagnostic` and `project` alone.

mod attributes;
mod builtins;
mod classes;
mod definitions;
mod elements;
mod expressions;
mod handler;
mod heap;
mod imports;
mod interpret;
mod invoke;
mod library;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashMap;

use crate::project::{ModuleId, Project};

pub use builtins::is_builtin;
pub use definitions::{Class, ClassId, Definition, Function, FunctionId, FunctionKind};
use heap::{SetId, Shape, Val};
use interpret::{Interpreter, Target};

/// Why something is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It comes from a parameter of a function that nothing in the project calls (a handler's event).
    Parameter,
    /// It is an element of a container whose contents are not known.
    Contents,
    /// The object is known, but not that it has such an attribute.
    Attribute,
    /// The name of the attribute, key or module is computed.
    ComputedAttribute,
    /// No scope binds the name.
    UndefinedName,
    /// The name may come from several star imports of modules outside the project.
    StarImport,
    /// The value cannot be called.
    NotCallable,
    /// It is the result of something that is not known.
    Result,
    /// The function that should give it back always raises.
    NeverReturns,
    /// The walk ended early: a set of values, the nesting or the work has reached its limit.
    TooMany,
    /// No value gets here: the code does not run, or what it needs is never assigned.
    Unresolved,
}

/// What a call may reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Callee {
    /// A function, method or lambda of the project.
    Function {
        /// Which.
        function: FunctionId,
        /// Whether the receiver is passed as first argument, before those that the call writes.
        bound: bool,
    },
    /// A class of the project is instantiated; see [`Program::constructor`].
    Class(ClassId),
    /// Something outside the project, by its qualified name (`boto3.client("s3").get_object`).
    External(String),
    /// A built-in function or class (`len`), or a method of a built-in type (`str.format`).
    Builtin(String),
    /// Not known.
    Unknown(Unknown),
}

/// What an expression may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A function of the project.
    Function {
        /// Which.
        function: FunctionId,
        /// Whether it has its receiver.
        bound: bool,
    },
    /// A class of the project.
    Class(ClassId),
    /// An instance of a class of the project.
    Instance(ClassId),
    /// A module of the project.
    Module(ModuleId),
    /// A folder of modules without `__init__.py`.
    Namespace(String),
    /// Something outside the project, by its qualified name.
    External(String),
    /// A built-in function or class, or a method of a built-in value.
    Builtin(String),
    /// A value of a built-in type: `str`, `dict`, `file`.
    Typed(String),
    /// A text.
    Str(String),
    /// An integer.
    Int(i64),
    /// `None`.
    None,
    /// Not known.
    Unknown(Unknown),
}

/// The analysed project.
pub struct Program<'p> {
    project: &'p Project,
    functions: Vec<Function<'p>>,
    classes: Vec<Class<'p>>,
    modules: Vec<FunctionId>,
    by_name: FxHashMap<(ModuleId, String), FunctionId>,
    by_node: FxHashMap<usize, FunctionId>,
    class_by_node: FxHashMap<usize, ClassId>,
    calls: FxHashMap<(ModuleId, TextRange), Box<[Callee]>>,
    implicit: FxHashMap<(ModuleId, TextRange), Box<[Callee]>>,
    sets: FxHashMap<(ModuleId, TextRange), SetId>,
    converted: FxHashMap<SetId, OnceLock<Box<[Value]>>>,
    constructors: FxHashMap<ClassId, FunctionId>,
    decorated: FxHashMap<FunctionId, SetId>,
    interpreter: Parts,
    edges: BTreeMap<String, BTreeSet<String>>,
    complete: bool,
}

/// What is needed to turn sets into values.
struct Parts {
    heap: heap::Heap,
    names: definitions::Names,
    externals: Vec<heap::External>,
    closures: Vec<heap::Closure>,
    class_objects: FxHashMap<heap::ObjectId, heap::ClassObject>,
    namespaces: Vec<String>,
}

/// PyCG's name for built-ins.
const BUILTIN: &str = "<builtin>";

impl<'p> Program<'p> {
    /// Analyses a project. Runs on a stack as [`with_stack`](crate::project::source::with_stack) gives.
    pub fn analyse(project: &'p Project) -> Program<'p> {
        let mut interpreter = Interpreter::new(project);
        interpreter.run();
        Self::from(interpreter)
    }

    fn from(mut of: Interpreter<'p>) -> Self {
        let complete = of.is_complete();
        let edges = adjacency(&mut of);
        let convert = |targets: &[Target], of: &mut Interpreter<'p>| -> Box<[Callee]> {
            let mut callees: Vec<Callee> = targets.iter().map(|target| callee(*target, of)).collect();
            callees.sort();
            callees.dedup();
            callees.into()
        };
        let calls = std::mem::take(&mut of.calls);
        let calls = calls.into_iter().map(|(key, targets)| (key, convert(&targets, &mut of))).collect();
        let implicit = std::mem::take(&mut of.implicit);
        let implicit = implicit.into_iter().map(|(key, targets)| (key, convert(&targets, &mut of))).collect();
        let mut by_name = FxHashMap::default();
        for (at, function) in of.defs.functions.iter().enumerate() {
            // The last definition of a name is the one that stays.
            by_name.insert((function.module, function.name.clone()), FunctionId(at as u32));
        }
        let mut converted = FxHashMap::default();
        for set in of.values.values().chain(of.decorated.values()) {
            converted.entry(*set).or_insert_with(OnceLock::new);
        }
        let mut namespaces = Vec::new();
        loop {
            let name = of.project.namespace(namespaces.len() as u32);
            if name.is_empty() {
                break;
            }
            namespaces.push(name.to_owned());
        }
        Self {
            project: of.project,
            functions: of.defs.functions,
            classes: of.defs.classes,
            modules: of.defs.modules,
            by_name,
            by_node: of.defs.function_of,
            class_by_node: of.defs.class_of,
            calls,
            implicit,
            sets: of.values,
            converted,
            constructors: of.constructors,
            decorated: of.decorated,
            interpreter: Parts {
                heap: of.heap,
                names: of.names,
                externals: of.externals,
                closures: of.closures,
                class_objects: of.class_objects,
                namespaces,
            },
            edges,
            complete,
        }
    }

    /// The project.
    pub fn project(&self) -> &'p Project {
        self.project
    }

    /// Whether the analysis reached its end. If not, it stopped at its limit of work and calls may lack callees.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// All functions, lambdas, class bodies and modules: by module, in the order of their definitions.
    pub fn functions(&self) -> impl Iterator<Item = (FunctionId, &Function<'p>)> {
        self.functions.iter().enumerate().map(|(at, function)| (FunctionId(at as u32), function))
    }

    /// A function.
    pub fn function(&self, id: FunctionId) -> &Function<'p> {
        &self.functions[id.index()]
    }

    /// The function of a name within a module (`C.m`); the last one, if several have it. The empty name is the
    /// module's own code.
    pub fn function_named(&self, module: ModuleId, name: &str) -> Option<FunctionId> {
        self.by_name.get(&(module, name.to_owned())).copied()
    }

    /// The code of a module.
    pub fn module_function(&self, module: ModuleId) -> FunctionId {
        self.modules[module.index()]
    }

    /// The function of a definition: of a `def`, a lambda, or a class's body.
    pub fn function_of(&self, definition: Definition<'p>) -> Option<FunctionId> {
        let address = match definition {
            Definition::Function(node) => definitions::address(node),
            Definition::Lambda(node) => definitions::address(node),
            Definition::ClassBody(node) => definitions::address(node),
            Definition::Module(node) => {
                return self.functions().find_map(|(id, function)| match function.definition {
                    Definition::Module(other) if std::ptr::eq(node, other) => Some(id),
                    _ => None,
                });
            }
        };
        self.by_node.get(&address).copied()
    }

    /// All classes, by module, in the order of their definitions.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &Class<'p>)> {
        self.classes.iter().enumerate().map(|(at, class)| (ClassId(at as u32), class))
    }

    /// A class.
    pub fn class(&self, id: ClassId) -> &Class<'p> {
        &self.classes[id.index()]
    }

    /// The class of a statement.
    pub fn class_of(&self, definition: &'p ruff_python_ast::StmtClassDef) -> Option<ClassId> {
        self.class_by_node.get(&definitions::address(definition)).copied()
    }

    /// The `__init__` of the project that instantiating a class runs, its own or an ancestor's.
    /// `None` if there is none, or if no code instantiates the class.
    pub fn constructor(&self, class: ClassId) -> Option<FunctionId> {
        self.constructors.get(&class).copied()
    }

    /// What a call expression may reach, sorted. Empty for a call that no walk has met: it does not run, or a value
    /// that it needs never gets there.
    pub fn callees(&self, module: ModuleId, call: TextRange) -> &[Callee] {
        self.calls.get(&(module, call)).map_or(&[], |callees| callees)
    }

    /// What is called at a place without being written as a call there, sorted. The place is the range of
    /// - the decorator (with `@`) that is applied,
    /// - the context expression of a `with` item (`__enter__`, `__exit__`),
    /// - the iterable of a `for` or of a comprehension (`__iter__`, `__next__`),
    /// - the operation, comparison, subscript or augmented assignment (special methods),
    /// - the attribute (properties, `__getattr__`, descriptors),
    /// - the exception of a `raise` (a class that is raised is instantiated),
    /// - the interpolated expression of an f-string,
    /// - a call: callbacks that the callee calls (`map(f, …)`, `Thread(target=f)`), special methods that a built-in
    ///   calls (`len(x)`), `__new__`.
    pub fn implicit_callees(&self, module: ModuleId, place: TextRange) -> &[Callee] {
        self.implicit.get(&(module, place)).map_or(&[], |callees| callees)
    }

    /// What a name, attribute, subscript or call expression may be, sorted.
    pub fn values(&self, module: ModuleId, expr: TextRange) -> &[Value] {
        self.sets.get(&(module, expr)).map_or(&[], |set| self.convert(*set))
    }

    /// What a decorated function or class is after its decorators. Empty for one without decorators.
    pub fn decorated(&self, function: FunctionId) -> &[Value] {
        self.decorated.get(&function).map_or(&[], |set| self.convert(*set))
    }

    fn convert(&self, set: SetId) -> &[Value] {
        let Some(slot) = self.converted.get(&set) else { return &[] };
        slot.get_or_init(|| {
            let mut values: Vec<Value> = self
                .interpreter
                .heap
                .vals(set)
                .into_iter()
                .filter_map(|(_, val)| self.interpreter.value(val))
                .collect();
            values.sort();
            values.dedup();
            values.into()
        })
    }

    /// The call graph as an adjacency list, callers and callees sorted: every module, function and method is a key,
    /// and everything that is called. Names as PyCG writes them.
    pub fn adjacency(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.edges
    }

    /// The best name of what a call calls, for people and for terms: the qualified name of something outside the
    /// project, of a function or class of it, or else the text that is called, with calls inside as `name(...)`.
    pub fn call_name(&self, module: ModuleId, call: &ExprCall) -> String {
        let callees = self.callees(module, call.range());
        let external = callees.iter().find_map(|callee| match callee {
            Callee::External(name) => Some(name.clone()),
            _ => None,
        });
        if let Some(name) = external {
            return name;
        }
        for callee in callees {
            match callee {
                Callee::Function { function, .. } => return self.function(*function).qualified_name.clone(),
                Callee::Class(class) => return self.class(*class).qualified_name.clone(),
                Callee::Builtin(name) if !name.contains('.') => return name.clone(),
                Callee::External(_) | Callee::Builtin(_) | Callee::Unknown(_) => {}
            }
        }
        let mut text = String::new();
        render(&call.func, &mut text, 0);
        text
    }
}

impl Parts {
    fn value(&self, val: Val) -> Option<Value> {
        let text = |name| self.names.text(name).to_owned();
        Some(match val {
            Val::Unbound => return None,
            Val::Unknown(reason) => Value::Unknown(reason),
            Val::Function(closure) => {
                Value::Function { function: self.closures[closure.0 as usize].function, bound: false }
            }
            Val::Bound(callable, _) => match self.value(self.heap.get(callable))? {
                Value::Function { function, .. } => Value::Function { function, bound: true },
                other => other,
            },
            Val::Class(object) => Value::Class(self.class_objects.get(&object)?.class),
            Val::Object(object) => match self.heap.shape(object) {
                Shape::Instance(class) => Value::Instance(self.class_objects.get(&class)?.class),
                Shape::List => Value::Typed("list".to_owned()),
                Shape::Tuple => Value::Typed("tuple".to_owned()),
                Shape::Dict => Value::Typed("dict".to_owned()),
                Shape::Set => Value::Typed("set".to_owned()),
                Shape::Iterator => Value::Typed("iterator".to_owned()),
                Shape::Generator => Value::Typed("generator".to_owned()),
                Shape::Partial => Value::Typed("partial".to_owned()),
                Shape::Property => Value::Typed("property".to_owned()),
                Shape::Class | Shape::Namespace => return None,
            },
            Val::Module(module) => Value::Module(module),
            Val::Namespace(at) => Value::Namespace(self.namespaces.get(at as usize)?.clone()),
            Val::External(id) => Value::External(text(self.externals[id.0 as usize].text)),
            Val::Builtin(name) => Value::Builtin(text(name)),
            Val::Method(receiver, name) => match self.value(self.heap.get(receiver))? {
                Value::Typed(kind) => Value::Builtin(format!("{kind}.{}", text(name))),
                Value::Str(_) => Value::Builtin(format!("str.{}", text(name))),
                Value::Int(_) => Value::Builtin(format!("int.{}", text(name))),
                _ => Value::Unknown(Unknown::Attribute),
            },
            Val::Typed(name) => Value::Typed(text(name)),
            Val::Str(name) => Value::Str(text(name)),
            Val::Pattern(..) => Value::Typed("str".to_owned()),
            Val::Int(number) => Value::Int(number),
            Val::None => Value::None,
            Val::StaticMethod(inner) | Val::ClassMethod(inner) => match self.heap.get(inner) {
                Val::StaticMethod(_) | Val::ClassMethod(_) => return None,
                inner => self.value(inner)?,
            },
            Val::Super(..) => Value::Typed("super".to_owned()),
            Val::ModuleDict(_) => Value::Typed("dict".to_owned()),
        })
    }
}

fn callee(target: Target, of: &Interpreter<'_>) -> Callee {
    let text = |name| of.names.text(name).to_owned();
    match target {
        Target::Function(function, bound) => Callee::Function { function, bound },
        Target::Class(class) => Callee::Class(class),
        Target::External(id) => Callee::External(text(of.externals[id.0 as usize].text)),
        Target::Builtin(name) => Callee::Builtin(text(name)),
        Target::Method(kind, name) => Callee::Builtin(format!("{}.{}", text(kind), text(name))),
        Target::Unknown(reason) => Callee::Unknown(reason),
    }
}

/// Call graph in PyCG's names.
fn adjacency(of: &mut Interpreter<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in &of.defs.functions {
        // A class body is a node only if it calls something.
        if !matches!(function.definition, Definition::ClassBody(_)) {
            graph.entry(function.qualified_name.clone()).or_default();
        }
    }
    for (caller, target) in &of.edges {
        let Some(name) = graph_name(*target, of) else { continue };
        graph.entry(name.clone()).or_default();
        graph.entry(of.defs.function(*caller).qualified_name.clone()).or_default().insert(name);
    }
    graph
}

fn graph_name(target: Target, of: &Interpreter<'_>) -> Option<String> {
    let text = |name| of.names.text(name);
    Some(match target {
        Target::Function(function, _) => of.defs.function(function).qualified_name.clone(),
        // The edge goes to its `__init__`, where it has one.
        Target::Class(_) | Target::Unknown(_) => return None,
        Target::External(id) => text(of.externals[id.0 as usize].plain).to_owned(),
        Target::Builtin(name) => {
            let name = text(name);
            if name.contains(".__") {
                return None;
            }
            match name.split_once('.') {
                Some((kind, method)) => typed_name(kind, method)?,
                None => format!("{BUILTIN}.{name}"),
            }
        }
        Target::Method(kind, name) => typed_name(text(kind), text(name))?,
    })
}

/// PyCG's names for the methods of built-in types. It has none for types that it does not know, and takes
/// `dict.update` as an assignment, not as a call.
fn typed_name(kind: &str, method: &str) -> Option<String> {
    let kind = match kind {
        "str" => "Str",
        "dict" => "Dict",
        "list" => "List",
        "tuple" => "Tuple",
        "set" => "Set",
        "bytes" => "Bytes",
        "int" => "Int",
        "float" => "Float",
        _ => return None,
    };
    if method.starts_with("__") || (kind == "Dict" && method == "update") {
        return None;
    }
    Some(format!("<**Py{kind}**>.{method}"))
}

/// The text of a callable: names and attributes as written, calls without their arguments.
fn render(expr: &Expr, out: &mut String, depth: u32) {
    use std::fmt::Write;
    if depth > 60 || out.len() > 400 {
        out.push_str("...");
        return;
    }
    match expr {
        Expr::Name(node) => out.push_str(node.id.as_str()),
        Expr::Attribute(node) => {
            render(&node.value, out, depth + 1);
            out.push('.');
            out.push_str(node.attr.id.as_str());
        }
        Expr::Call(node) => {
            render(&node.func, out, depth + 1);
            out.push_str(if node.arguments.is_empty() { "()" } else { "(...)" });
        }
        Expr::Subscript(node) => {
            render(&node.value, out, depth + 1);
            match &*node.slice {
                Expr::StringLiteral(key) if key.value.len() <= 64 => {
                    let _ = write!(out, "[{:?}]", key.value.to_str());
                }
                _ => out.push_str("[...]"),
            }
        }
        Expr::StringLiteral(node) if node.value.len() <= 64 => {
            let _ = write!(out, "{:?}", node.value.to_str());
        }
        Expr::Await(node) => render(&node.value, out, depth + 1),
        Expr::StringLiteral(_) | Expr::FString(_) => out.push_str("str"),
        Expr::BytesLiteral(_) => out.push_str("bytes"),
        Expr::Lambda(_) => out.push_str("<lambda>"),
        Expr::List(_) | Expr::ListComp(_) => out.push_str("list"),
        Expr::Tuple(_) => out.push_str("tuple"),
        Expr::Dict(_) | Expr::DictComp(_) => out.push_str("dict"),
        Expr::Set(_) | Expr::SetComp(_) => out.push_str("set"),
        _ => out.push_str("(...)"),
    }
}
