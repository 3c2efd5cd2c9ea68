//! What a project imports from outside of it: the packages that a process holds before its first event.
//!
//! Depends on `modules` and `source`.

use indexmap::IndexSet;
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};

use super::modules::{ModuleId, Project, Resolution};

/// Imports and calls that bring memory into a process, each once, in the order of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Absolute dotted names. `from PIL import Image` gives `PIL` and `PIL.Image`, for either may be the module.
    pub imports: Vec<String>,
    /// Clients that modules make while they are imported: `boto3.client("s3")`.
    pub clients: Vec<String>,
    /// Imports within functions, which their first call brings; without those of `imports`.
    pub later_imports: Vec<String>,
    /// Clients that functions make; without those of `clients`.
    pub later_clients: Vec<String>,
}

/// What the modules of a project import that is none of them. What only a type checker reads (`if TYPE_CHECKING:`) is
/// left out.
pub fn outside(project: &Project) -> Outside {
    let mut found = Reader { project, module: None, depth: 0, at_once: Names::default(), later: Names::default() };
    for (id, module) in project.modules() {
        found.module = Some(id);
        found.depth = 0;
        for statement in &module.source.ast.body {
            found.visit_stmt(statement);
        }
    }
    let (at_once, later) = (found.at_once, found.later);
    Outside {
        later_imports: later.imports.difference(&at_once.imports).cloned().collect(),
        later_clients: later.clients.difference(&at_once.clients).cloned().collect(),
        imports: at_once.imports.into_iter().collect(),
        clients: at_once.clients.into_iter().collect(),
    }
}

#[derive(Default)]
struct Names {
    imports: IndexSet<String>,
    clients: IndexSet<String>,
}

struct Reader<'a> {
    project: &'a Project,
    module: Option<ModuleId>,
    /// How many functions are around.
    depth: usize,
    /// Of the modules' own code.
    at_once: Names,
    /// Of functions.
    later: Names,
}

impl Reader<'_> {
    fn names(&mut self) -> &mut Names {
        if self.depth == 0 { &mut self.at_once } else { &mut self.later }
    }

    fn add(&mut self, name: String) {
        if !name.is_empty() && matches!(self.project.resolve(&name), Resolution::External) {
            self.names().imports.insert(name);
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let Expr::Attribute(attribute) = &*call.func else { return };
        let Expr::Name(module) = &*attribute.value else { return };
        let Some(Expr::StringLiteral(service)) = call.arguments.args.first() else { return };
        let what = attribute.attr.id.as_str();
        let service = service.value.to_str();
        let is_plain = service.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if module.id.as_str() == "boto3" && matches!(what, "client" | "resource") && is_plain {
            self.names().clients.insert(format!("boto3.{what}(\"{service}\")"));
        }
    }
}

/// Whether a condition is `TYPE_CHECKING` or `typing.TYPE_CHECKING`.
fn is_for_type_checkers(test: &Expr) -> bool {
    match test {
        Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.id.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.add(alias.name.id.as_str().to_owned());
                }
            }
            Stmt::ImportFrom(import) => {
                let Some(module) = self.module else { return };
                let name = import.module.as_ref().map_or("", |name| name.id.as_str());
                let base = self.project.absolute(module, import.level, name);
                if !matches!(self.project.resolve(&base), Resolution::External) {
                    // What a module of the project gives is of the project.
                    return;
                }
                self.add(base.clone());
                for alias in &import.names {
                    let attribute = alias.name.id.as_str();
                    if attribute != "*" && !base.is_empty() {
                        self.add(format!("{base}.{attribute}"));
                    }
                }
            }
            Stmt::If(condition) if is_for_type_checkers(&condition.test) => {
                for clause in &condition.elif_else_clauses {
                    for inner in &clause.body {
                        self.visit_stmt(inner);
                    }
                }
            }
            Stmt::FunctionDef(_) => {
                self.depth += 1;
                walk_stmt(self, statement);
                self.depth -= 1;
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(_) => {
                self.depth += 1;
                walk_expr(self, expression);
                self.depth -= 1;
            }
            Expr::Call(call) => {
                self.call(call);
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::project::{LoadOptions, Source};

    #[test]
    fn imports_of_every_kind() {
        let text = "import json, numpy.linalg as la\nfrom typing import TYPE_CHECKING\nfrom PIL import Image\n\
                    if TYPE_CHECKING:\n    import pandas\nelse:\n    import csv\ntry:\n    import orjson\nexcept ImportError:\n    \
                    pass\ns3 = boto3.client('s3')\ndef handler(event, context):\n    import boto3\n    boto3.client('sqs')\n";
        let source = Arc::new(Source::parse(Path::new("app.py"), text).expect("Python"));
        let (project, _) = Project::from_sources(vec![(source, "app".to_owned())], &LoadOptions::default());
        let found = outside(&project);
        let expected = ["json", "numpy.linalg", "typing", "typing.TYPE_CHECKING", "PIL", "PIL.Image", "csv", "orjson"];
        assert_eq!(found.imports, expected);
        assert_eq!(found.later_imports, ["boto3"]);
        assert_eq!(found.later_clients, ["boto3.client(\"sqs\")"]);
        assert_eq!(found.clients, ["boto3.client(\"s3\")"]);
    }
}
