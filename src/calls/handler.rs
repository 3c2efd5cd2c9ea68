//! The function that a platform calls.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use super::{Definition, FunctionId, Program};
use crate::diagnostic::{Diagnostic, Kind, near_help};
use crate::project::ModuleId;
use crate::project::discover::Handler;
use crate::project::source::Source;

impl Program<'_> {
    /// The function of a handler, which is of the project's first module: a `def`, or a lambda that a name is given to.
    ///
    /// # Errors
    ///
    /// `unknown-handler`, with the near names, if the module has no such function.
    pub fn handler(&self, handler: &Handler) -> Result<FunctionId, Diagnostic> {
        let found = self.project.modules().next().and_then(|(module, info)| {
            let named = self.function_named(module, &handler.function);
            named.or_else(|| self.assigned_lambda(module, &info.source, &handler.function))
        });
        found.ok_or_else(|| {
            let names: Vec<&str> = self.functions().map(|(_, function)| function.name.as_str()).collect();
            let help = near_help(&handler.function, names, || "name the handler with `--handler`".to_owned());
            let message = format!("there is no function {}", handler.function);
            Diagnostic::new(Kind::UnknownHandler, message).in_file(&handler.file).help(help)
        })
    }

    /// The function of a module's last `name = lambda …`.
    fn assigned_lambda(&self, module: ModuleId, source: &Source, name: &str) -> Option<FunctionId> {
        let is_name = |target: &Expr| target.as_name_expr().is_some_and(|target| target.id.as_str() == name);
        let value = source.ast.body.iter().rev().find_map(|statement| match statement {
            Stmt::Assign(assign) if assign.targets.iter().any(is_name) => Some(&*assign.value),
            Stmt::AnnAssign(assign) if is_name(&assign.target) => assign.value.as_deref(),
            _ => None,
        })?;
        let range = value.as_lambda_expr()?.range();
        let is_it =
            |definition: &Definition<'_>| matches!(definition, Definition::Lambda(node) if node.range() == range);
        self.functions()
            .find(|(_, function)| function.module == module && is_it(&function.definition))
            .map(|(id, _)| id)
    }
}
