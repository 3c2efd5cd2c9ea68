//! Statements.

use ruff_python_ast::{self as ast, Expr as Ast, Stmt};

use crate::expression::{BinaryOperator, Expr, Text, Value, library_constant};

use super::expressions::constant;
use super::state::{Abstract, Object, ObjectKind, Scope, Variable};
use super::{Builder, McvKind, McvType};

impl<'p> Builder<'p> {
    /// Reads statements in order, up to the first that does not end.
    pub(super) fn statements(&mut self, body: &'p [Stmt]) {
        for statement in body {
            if !self.reachable {
                return;
            }
            self.steps += 1;
            self.before_statement();
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'p Stmt) {
        match statement {
            Stmt::Expr(statement) => {
                let value = self.expression(&statement.value);
                self.evaluate_for_effect(&value, statement);
            }
            Stmt::Assign(statement) => {
                let value = self.expression(&statement.value);
                for target in &statement.targets {
                    self.assign(target, value.clone());
                }
            }
            Stmt::AnnAssign(statement) => {
                if let Some(value) = &statement.value {
                    let value = self.expression(value);
                    self.assign(&statement.target, value);
                }
            }
            Stmt::AugAssign(statement) => self.augmented(statement),
            Stmt::Return(statement) => {
                let value = match &statement.value {
                    Some(value) => self.expression(value),
                    None => Abstract::none(),
                };
                self.evaluate_for_effect(&value, statement);
                self.leave_function(value);
            }
            Stmt::If(statement) => self.if_statement(statement),
            Stmt::For(statement) => self.for_statement(statement),
            Stmt::While(statement) => self.while_statement(statement),
            Stmt::Try(statement) => self.try_statement(statement),
            Stmt::With(statement) => self.with_statement(&statement.items, &statement.body),
            Stmt::Match(statement) => self.match_statement(statement),
            Stmt::Raise(statement) => self.raise_statement(statement),
            Stmt::Assert(statement) => {
                let condition = self.condition(&statement.test);
                self.branch(
                    condition,
                    statement,
                    |_| {},
                    |builder| {
                        if let Some(message) = &statement.msg {
                            builder.expression(message);
                        }
                        builder.raise(Text::from("AssertionError"), statement);
                    },
                );
            }
            Stmt::Break(_) => self.leave_loop(true),
            Stmt::Continue(_) => self.leave_loop(false),
            Stmt::Delete(statement) => {
                for target in &statement.targets {
                    self.delete(target);
                }
            }
            Stmt::FunctionDef(function) => self.define_function(function),
            Stmt::ClassDef(class) => self.define_class(class),
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::TypeAlias(_) | Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn if_statement(&mut self, statement: &'p ast::StmtIf) {
        let condition = self.condition(&statement.test);
        self.branch(
            condition,
            statement,
            |builder| builder.statements(&statement.body),
            |builder| builder.elif(&statement.elif_else_clauses),
        );
    }

    fn elif(&mut self, clauses: &'p [ast::ElifElseClause]) {
        let Some((clause, rest)) = clauses.split_first() else { return };
        match &clause.test {
            None => self.statements(&clause.body),
            Some(test) => {
                let condition = self.condition(test);
                self.branch(
                    condition,
                    clause,
                    |builder| builder.statements(&clause.body),
                    |builder| builder.elif(rest),
                );
            }
        }
    }

    // ---- assignment ---------------------------------------------------------------------------------------------

    /// Where a name is bound when the running code assigns to it.
    pub(super) fn variable(&self, name: &str) -> Variable {
        let text = Text::from(name);
        let Some(here) = self.here() else { return (Scope::Frame(0), text) };
        if here.names.global.contains(&text) {
            return (self.module_scope(here.module), text);
        }
        if here.names.nonlocal.contains(&text) {
            let mut parent = self.program.function(here.function).parent;
            while let Some(function) = parent {
                if let (Some(frame), Some(names)) = (self.latest_frame.get(&function), self.names.get(&function))
                    && names.local.contains(&text)
                {
                    return (Scope::Frame(*frame), text);
                }
                parent = self.program.function(function).parent;
            }
        }
        (here.scope.clone(), text)
    }

    pub(super) fn assign(&mut self, target: &'p Ast, value: Abstract) {
        match target {
            Ast::Name(name) => {
                let value = self.named(&name.id, value, target);
                let variable = self.variable(&name.id);
                self.state.set(variable, value);
            }
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => self.unpack(elts, value),
            Ast::Starred(starred) => self.assign(&starred.value, value),
            Ast::Attribute(attribute) => {
                let receiver = self.expression(&attribute.value);
                let value = self.named(&attribute.attr, value, target);
                self.set_attribute(&receiver, &attribute.attr, value);
            }
            Ast::Subscript(subscript) => {
                let receiver = self.expression(&subscript.value);
                let index = self.expression(&subscript.slice);
                self.set_item(subscript, &receiver, &index, value);
            }
            _ => {}
        }
    }

    /// Gives a value the name that it is assigned to.
    fn named(&mut self, hint: &str, value: Abstract, node: &'p Ast) -> Abstract {
        let Abstract::Value(expr) = &value else { return value };
        if let Some(id) = self.atom_of(expr) {
            // An unknown is called by the first name that it is assigned to.
            let atom = &self.atoms[id];
            let plain = matches!(atom.kind, McvKind::ComputedCondition | McvKind::ExternalSize);
            if plain && !atom.meaning.starts_with("len(") && !atom.hint.starts_with('=') {
                self.atoms[id].hint = format!("={hint}");
            }
            return value;
        }
        if self.has_unknown(expr) && self.is_opaque(expr) && !worth_naming(expr) {
            return value;
        }
        let named = self.name_value(hint, (**expr).clone(), node, true);
        Abstract::value(named)
    }

    pub(super) fn unpack(&mut self, targets: &'p [Ast], value: Abstract) {
        let star = targets.iter().position(|target| matches!(target, Ast::Starred(_)));
        if let Abstract::Tuple(items) = &value {
            match star {
                None if items.len() == targets.len() => {
                    for (target, item) in targets.iter().zip(items.iter()) {
                        self.assign(target, item.clone());
                    }
                    return;
                }
                Some(at) if items.len() + 1 >= targets.len() => {
                    let behind = targets.len() - at - 1;
                    let middle = items[at..items.len() - behind].to_vec();
                    for (target, item) in targets[..at].iter().zip(items.iter()) {
                        self.assign(target, item.clone());
                    }
                    self.assign(&targets[at], Abstract::Tuple(middle.into()));
                    for (target, item) in targets[at + 1..].iter().zip(&items[items.len() - behind..]) {
                        self.assign(target, item.clone());
                    }
                    return;
                }
                _ => {}
            }
        }
        let Some(first) = targets.first() else { return };
        let whole = self.expr_of(&value, first);
        if self.is_opaque(&whole) {
            self.may_fail(first, &["ValueError", "TypeError"]);
        }
        for (index, target) in targets.iter().enumerate() {
            let item = if star.is_some_and(|at| index >= at) || self.is_opaque(&whole) {
                let hint = self.hint_of(target);
                match self.atom_of(&whole) {
                    Some(atom) if star.is_none() => self.part(atom, &format!("[{index}]"), hint, McvType::Any, target),
                    _ => self.unknown(target, McvKind::ComputedCondition, McvType::Any, &hint, "unpacked"),
                }
            } else {
                Expr::Index(Box::new(whole.clone()), Box::new(Expr::Constant(Value::Int(index.into()))))
            };
            self.assign(target, Abstract::value(item));
        }
    }

    fn set_attribute(&mut self, receiver: &Abstract, name: &str, value: Abstract) {
        match receiver {
            Abstract::Object(id) => self.state.change(*id, |object| {
                object.fields.insert(Text::from(name), value);
            }),
            Abstract::Reference(owner, _) => {
                let scope = match self.project.find(owner) {
                    Some(_) => Scope::Module(owner.clone()),
                    None => Scope::Class(owner.clone()),
                };
                self.state.set((scope, Text::from(name)), value);
            }
            Abstract::Choice(_, options) => {
                // Which of them it is, is not known here: each may have it.
                for (_, option) in options.iter() {
                    self.set_attribute(option, name, value.clone());
                }
            }
            Abstract::Value(_) | Abstract::Tuple(_) => {}
        }
    }

    fn set_item(&mut self, target: &'p ast::ExprSubscript, receiver: &Abstract, index: &Abstract, value: Abstract) {
        let key = self.expr_of(index, &*target.slice);
        if let Abstract::Object(id) = receiver {
            let Some(object) = self.state.object(*id).cloned() else { return };
            let expr = self.expr_of(&value, target);
            let known = key_text(&key);
            let (content, length) = match object.kind {
                // Which key it is, is not known: nor is whether there is one more.
                ObjectKind::Dict if self.is_opaque(&key) => (None, None),
                ObjectKind::Dict => {
                    let content = object.content.as_deref().map(|content| with_item(content, &key, &expr));
                    let length = content.as_ref().and_then(display_length);
                    (content, length)
                }
                // Items of a list are replaced, never added, by an index.
                ObjectKind::List => (None, object.length.as_deref().cloned()),
                ObjectKind::Set | ObjectKind::Instance(_) => (None, None),
            };
            let small = content.filter(|content| !super::too_large(content));
            self.state.mutate(*id, |object| {
                object.content = small.map(Into::into);
                object.length = length.map(Into::into);
                if let Some(key) = known {
                    object.fields.insert(key, value);
                } else {
                    object.fields.clear();
                }
            });
            return;
        }
        // Plain data that the handler changes: `event["n"] = 5` makes a new event.
        if let Abstract::Value(base) = receiver
            && matches!(key, Expr::Constant(Value::Str(_)))
            && !self.is_opaque(base)
        {
            let expr = self.expr_of(&value, target);
            let changed = Expr::Dict(vec![(None, (**base).clone()), (Some(key), expr)]);
            if !super::too_large(&changed) {
                self.assign_back(&target.value, Abstract::value(changed));
            }
        }
    }

    /// Stores a changed value where it was read from, if that is a name or an item of one.
    fn assign_back(&mut self, target: &'p Ast, value: Abstract) {
        match target {
            Ast::Name(_) | Ast::Attribute(_) => self.assign(target, value),
            Ast::Subscript(subscript) => {
                let receiver = self.quietly(|builder| builder.expression(&subscript.value));
                let index = self.quietly(|builder| builder.expression(&subscript.slice));
                self.set_item(subscript, &receiver, &index, value);
            }
            _ => {}
        }
    }

    fn augmented(&mut self, statement: &'p ast::StmtAugAssign) {
        let old = self.expression(&statement.target);
        let change = self.expression(&statement.value);
        if let Abstract::Object(id) = old
            && matches!(statement.op, ast::Operator::Add | ast::Operator::BitOr)
        {
            self.extend(id, &change, &statement.value);
            return;
        }
        let value = self.binary(statement.op, &old, &change, statement);
        self.assign(&statement.target, value);
    }

    /// `receiver += items`, `receiver.extend(items)`, `receiver.update(items)`.
    pub(super) fn extend(&mut self, id: super::ObjectId, items: &Abstract, node: &'p Ast) {
        let Some(object) = self.state.object(id).cloned() else { return };
        let expr = self.expr_of(items, node);
        let added = self.length_of(items).or_else(|| Some(self.count_of(&expr, node)));
        let content = match (&object.kind, object.content.as_deref()) {
            (ObjectKind::List, Some(content)) if !self.is_opaque(&expr) => Some(Expr::Binary(
                BinaryOperator::Add,
                Box::new(content.clone()),
                Box::new(Expr::Call(Text::from("list"), vec![expr.clone()], Vec::new())),
            )),
            (ObjectKind::Dict, Some(content)) if !self.is_opaque(&expr) => {
                Some(Expr::Dict(vec![(None, content.clone()), (None, expr.clone())]))
            }
            _ => None,
        };
        let length = match (&object.kind, object.length.as_deref(), added) {
            (ObjectKind::List, Some(length), Some(added)) => Some(super::expressions::sum_of(length.clone(), added)),
            _ => None,
        };
        let content = content.filter(|content| !super::too_large(content));
        self.state.mutate(id, |object| {
            object.content = content.map(Into::into);
            object.length = length.map(Into::into);
            object.fields.clear();
        });
    }

    fn delete(&mut self, target: &'p Ast) {
        match target {
            Ast::Name(name) => {
                let variable = self.variable(&name.id);
                self.state.remove(&variable);
            }
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
                for target in elts {
                    self.delete(target);
                }
            }
            Ast::Subscript(subscript) => {
                let receiver = self.expression(&subscript.value);
                self.expression(&subscript.slice);
                if let Abstract::Object(id) = receiver {
                    self.state.mutate(id, forget_content);
                }
            }
            Ast::Attribute(attribute) => {
                let receiver = self.expression(&attribute.value);
                if let Abstract::Object(id) = receiver {
                    self.state.change(id, |object| {
                        object.fields.remove(attribute.attr.as_str());
                    });
                }
            }
            _ => {}
        }
    }

    // ---- definitions and imports ----------------------------------------------------------------------------------

    fn define_function(&mut self, function: &'p ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.expression(&decorator.expression);
        }
        for default in function.parameters.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
            self.expression(default);
        }
        let name = self.qualified_name(&function.name);
        let mut value = Abstract::Reference(name, self.defining_frame());
        // Applying a decorator is a call, of the name that follows the `@`.
        for decorator in function.decorator_list.iter().rev() {
            value = self.apply_decorator(decorator, value);
        }
        let variable = self.variable(&function.name);
        self.state.set(variable, value);
    }

    fn define_class(&mut self, class: &'p ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.expression(&decorator.expression);
        }
        if let Some(arguments) = &class.arguments {
            for base in &arguments.args {
                self.expression(base);
            }
            for keyword in &arguments.keywords {
                self.expression(&keyword.value);
            }
        }
        let name = self.qualified_name(&class.name);
        self.read_class_body(class, &name);
        let mut value = Abstract::Reference(name, None);
        for decorator in class.decorator_list.iter().rev() {
            value = self.apply_decorator(decorator, value);
        }
        let variable = self.variable(&class.name);
        self.state.set(variable, value);
    }

    /// The qualified name of a definition in the running code.
    fn qualified_name(&self, name: &str) -> Text {
        match self.here() {
            Some(here) => match &here.scope {
                Scope::Class(class) => Text::from(format!("{class}.{name}")),
                Scope::Module(module) => Text::from(format!("{module}.{name}")),
                Scope::Frame(_) => {
                    Text::from(format!("{}.{name}", self.program.function(here.function).qualified_name))
                }
            },
            None => Text::from(name),
        }
    }

    fn import(&mut self, import: &'p ast::StmtImport) {
        for alias in &import.names {
            self.load_by_name(&alias.name, import);
            if self.project.find(&alias.name).is_none() {
                let short = format!("import_{}", crate::names::hint_from_text(&alias.name));
                self.may_fail_as(&short, alias, &["ModuleNotFoundError"]);
            }
            let (name, target) = match &alias.asname {
                Some(asname) => (asname.as_str(), alias.name.as_str()),
                None => {
                    let first = alias.name.split('.').next().unwrap_or(&alias.name);
                    (first, first)
                }
            };
            let variable = self.variable(name);
            self.state.set(variable, Abstract::Reference(Text::from(target), None));
        }
    }

    fn import_from(&mut self, import: &'p ast::StmtImportFrom) {
        let module = self.absolute_module(import.module.as_deref(), import.level);
        self.load_by_name(&module, import);
        if self.project.find(&module).is_none() {
            let short = format!("import_{}", crate::names::hint_from_text(&module));
            self.may_fail_as(&short, import, &["ModuleNotFoundError"]);
        }
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.import_star(&module);
                continue;
            }
            let full = if module.is_empty() { alias.name.to_string() } else { format!("{module}.{}", alias.name) };
            let in_module = (Scope::Module(Text::from(module.as_str())), Text::from(alias.name.as_str()));
            let value = match (self.state.get(&in_module), library_constant(&full)) {
                (Some(value), _) => value.clone(),
                (None, Some(value)) => constant(value),
                (None, None) => {
                    self.load_by_name(&full, import);
                    Abstract::Reference(Text::from(full), None)
                }
            };
            let variable = self.variable(alias.asname.as_ref().unwrap_or(&alias.name));
            self.state.set(variable, value);
        }
    }

    fn import_star(&mut self, module: &str) {
        let from = Scope::Module(Text::from(module));
        let found: Vec<(Text, Abstract)> = self
            .state
            .variables_of(&from)
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, value) in found {
            let variable = self.variable(&name);
            self.state.set(variable, value);
        }
    }

    /// The dotted name of an imported module, relative imports resolved against the running module.
    fn absolute_module(&self, name: Option<&str>, level: u32) -> String {
        let name = name.unwrap_or("");
        if level == 0 {
            return name.to_owned();
        }
        let module = self.project.module(self.module());
        let mut parts: Vec<&str> = module.name.split('.').collect();
        let up = level as usize - usize::from(module.is_package);
        for _ in 0..up {
            parts.pop();
        }
        if !name.is_empty() {
            parts.push(name);
        }
        parts.join(".")
    }

    /// The frame that a function defined here closes over.
    pub(super) fn defining_frame(&self) -> Option<super::FrameId> {
        let here = self.here()?;
        matches!(here.scope, Scope::Frame(_)).then_some(here.frame)
    }

    pub(super) fn module_scope(&self, module: crate::project::ModuleId) -> Scope {
        Scope::Module(Text::from(self.project.module(module).name.as_str()))
    }
}

/// Whether a value with unknowns in it deserves a name: it is compared or counted later.
fn worth_naming(expr: &Expr) -> bool {
    matches!(expr, Expr::Binary(..) | Expr::Call(..) | Expr::If { .. } | Expr::Boolean(..) | Expr::Unary(..))
}

/// Forgets what a container holds.
pub(super) fn forget_content(object: &mut Object) {
    object.content = None;
    object.length = None;
    object.fields.clear();
}

/// A constant text key.
pub(super) fn key_text(key: &Expr) -> Option<Text> {
    match key {
        Expr::Constant(Value::Str(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A dict with one more item.
fn with_item(content: &Expr, key: &Expr, value: &Expr) -> Expr {
    let mut items = match content {
        Expr::Dict(items) => items.clone(),
        other => vec![(None, other.clone())],
    };
    if matches!(key, Expr::Constant(_)) && items.iter().all(|(key, _)| matches!(key, Some(Expr::Constant(_)))) {
        match items.iter_mut().find(|(other, _)| other.as_ref() == Some(key)) {
            Some((_, old)) => *old = value.clone(),
            None => items.push((Some(key.clone()), value.clone())),
        }
    } else {
        items.push((Some(key.clone()), value.clone()));
    }
    Expr::Dict(items)
}

/// The number of items of a dict whose keys are distinct constants.
fn display_length(content: &Expr) -> Option<Expr> {
    match content {
        Expr::Dict(items) if items.iter().all(|(key, _)| matches!(key, Some(Expr::Constant(_)))) => {
            Some(Expr::Constant(Value::Int(items.len().into())))
        }
        _ => None,
    }
}

/// A new list, dict or set.
pub(super) fn container(kind: ObjectKind, content: Option<Expr>, length: Option<Expr>) -> Object {
    Object {
        kind,
        content: content.filter(|content| !super::too_large(content)).map(Into::into),
        length: length.map(Into::into),
        fields: std::collections::BTreeMap::new(),
    }
}
