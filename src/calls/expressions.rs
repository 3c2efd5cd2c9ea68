//! Evaluates expressions.

use super::definitions::{NameId, address};
use super::heap::{EMPTY, Field, Frame, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{DEEPEST_INLINE, DEEPEST_WALK, Interpreter, LONGEST_FOLD, MOST_FOLDS, Site};
use super::invoke::Args;
use super::{Unknown, builtins};
use ruff_python_ast::{
    Comprehension, ConversionFlag, Expr, FStringPart, InterpolatedStringElement, Mod, Number, Operator,
    StringLiteralValue, UnaryOp,
};
use ruff_text_size::TextRange;

/// Texts that a value may be.
type Texts = Vec<String>;

/// Most texts that a value is followed as.
const MOST_TEXTS: usize = 8;

impl<'p> Interpreter<'p> {
    /// Evaluates an expression and keeps what it may be. Empty: no value gets here.
    pub fn eval(&mut self, expr: &'p Expr) -> SetId {
        self.step(1);
        if self.depth > DEEPEST_WALK || self.out_of_steps() {
            return self.unknown(Unknown::TooMany);
        }
        self.depth += 1;
        let set = self.evaluate(expr);
        self.depth -= 1;
        set
    }

    pub fn evaluate(&mut self, expr: &'p Expr) -> SetId {
        match expr {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                let set = self.load_name(name);
                self.keep(expr, set);
                set
            }
            Expr::Attribute(node) => {
                let base = self.eval(&node.value);
                let name = self.names.id(node.attr.id.as_str());
                let set = self.get_attribute(base, name, Site::implicit(node));
                self.keep(expr, set);
                set
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let set = if let Expr::Slice(slice) = &*node.slice {
                    let part = |this: &mut Self, part: &'p Option<Box<Expr>>| part.as_ref().map(|part| this.eval(part));
                    let lower = part(self, &slice.lower);
                    let upper = part(self, &slice.upper);
                    let step = part(self, &slice.step);
                    self.slice(base, lower, upper, step.is_some(), Site::implicit(node))
                } else {
                    let key = self.eval(&node.slice);
                    self.get_item(base, key, Site::implicit(node))
                };
                self.keep(expr, set);
                set
            }
            Expr::Call(node) => {
                let set = self.call(node);
                self.keep(expr, set);
                set
            }
            Expr::BoolOp(node) => {
                let mut set = EMPTY;
                for (at, value) in node.values.iter().enumerate() {
                    if at == 1 {
                        self.begin_maybe();
                    }
                    let part = self.eval(value);
                    if at + 1 < node.values.len() {
                        self.truth(part, Site::implicit(value));
                    }
                    set = self.heap.union(set, part);
                }
                if node.values.len() > 1 {
                    self.end_maybe();
                }
                set
            }
            Expr::Named(node) => {
                let value = self.eval(&node.value);
                self.assign(&node.target, value);
                value
            }
            Expr::BinOp(_) => self.binary_chain(expr),
            Expr::UnaryOp(node) => {
                let operand = self.eval(&node.operand);
                let (name, result) = match node.op {
                    UnaryOp::Not => {
                        self.truth(operand, Site::implicit(&*node.operand));
                        return self.typed("bool");
                    }
                    UnaryOp::USub => ("__neg__", operand),
                    UnaryOp::UAdd => ("__pos__", operand),
                    UnaryOp::Invert => ("__invert__", operand),
                };
                if let (UnaryOp::USub, Some(Val::Int(number))) = (node.op, self.heap.only(operand))
                    && let Some(negative) = number.checked_neg()
                    && matches!(&*node.operand, Expr::NumberLiteral(_))
                {
                    return self.heap.one(Val::Int(negative));
                }
                let (called, returned) = self.call_special(operand, name, Args::default(), Site::implicit(node));
                if called {
                    return returned;
                }
                self.without_constants(result)
            }
            Expr::Lambda(node) => {
                let Some(function) = self.defs.function_of.get(&address(node)).copied() else { return EMPTY };
                let closure = self.close_over(function);
                self.defaults(closure, node.parameters.as_deref());
                self.heap.one(Val::Function(closure))
            }
            Expr::If(node) => {
                self.test(&node.test);
                let mut outcomes = Vec::new();
                self.heap.begin();
                let then = self.eval(&node.body);
                self.end_branch(&mut outcomes);
                self.heap.begin();
                let otherwise = self.eval(&node.orelse);
                self.end_branch(&mut outcomes);
                self.heap.join(&outcomes, false);
                self.heap.union(then, otherwise)
            }
            Expr::Dict(node) => {
                let dict = self.new_container(Shape::Dict, (address(node), self.frame.0, 0));
                let set = self.heap.one(Val::Object(dict));
                for item in &node.items {
                    match &item.key {
                        Some(key) => {
                            let key = self.eval(key);
                            let value = self.eval(&item.value);
                            self.set_key(dict, key, value);
                        }
                        None => {
                            let other = self.eval(&item.value);
                            self.merge_dict(dict, other);
                        }
                    }
                }
                set
            }
            Expr::List(node) => self.sequence(Shape::List, &node.elts, address(node)),
            Expr::Tuple(node) => self.sequence(Shape::Tuple, &node.elts, address(node)),
            Expr::Set(node) => self.sequence(Shape::Set, &node.elts, address(node)),
            Expr::ListComp(node) => self.comprehension(address(node), Shape::List, &node.generators, None, &node.elt),
            Expr::SetComp(node) => self.comprehension(address(node), Shape::Set, &node.generators, None, &node.elt),
            Expr::Generator(node) => {
                self.comprehension(address(node), Shape::Iterator, &node.generators, None, &node.elt)
            }
            Expr::DictComp(node) => {
                self.comprehension(address(node), Shape::Dict, &node.generators, node.key.as_deref(), &node.value)
            }
            Expr::Await(node) => {
                let value = self.eval(&node.value);
                let (called, returned) = self.call_special(value, "__await__", Args::default(), Site::implicit(node));
                if called { returned } else { value }
            }
            Expr::Yield(node) => {
                let value = match &node.value {
                    Some(value) => self.eval(value),
                    None => self.heap.one(Val::None),
                };
                self.yielded(value);
                self.unknown(Unknown::Result)
            }
            Expr::YieldFrom(node) => {
                let value = self.eval(&node.value);
                let elements = self.iterate(value, Site::implicit(&*node.value));
                self.yielded(elements);
                self.unknown(Unknown::Result)
            }
            Expr::Compare(node) => {
                let mut left = self.eval(&node.left);
                let mut external = None;
                for (op, right) in node.ops.iter().zip(&node.comparators) {
                    let right = self.eval(right);
                    let site = Site::implicit(node);
                    if let Some((method, reflected)) = builtins::comparison(*op) {
                        let (owner, other) = if reflected { (right, left) } else { (left, right) };
                        let args = Args { positional: vec![other], ..Args::default() };
                        self.call_special(owner, method, args, site);
                    }
                    if let Some(Val::External(_)) = self.heap.only(left) {
                        external = Some(left);
                    }
                    left = right;
                }
                // Arrays compare element by element: the result is of their kind.
                match external {
                    Some(set) => set,
                    None => self.typed("bool"),
                }
            }
            Expr::FString(node) => {
                let mut parts = Vec::new();
                for part in node.value.iter() {
                    match part {
                        FStringPart::Literal(literal) => parts.push(Some(vec![literal.as_str().to_owned()])),
                        FStringPart::FString(part) => self.interpolate(&part.elements, &mut parts),
                    }
                }
                self.concatenation(&parts)
            }
            Expr::TString(node) => {
                for element in node.value.elements() {
                    self.interpolate(std::slice::from_ref(element), &mut Vec::new());
                }
                let template = self.external("string.templatelib.Template");
                self.heap.one(Val::External(template))
            }
            Expr::StringLiteral(node) => self.string(&node.value),
            Expr::BytesLiteral(_) => self.typed("bytes"),
            Expr::NumberLiteral(node) => match &node.value {
                Number::Int(int) => match int.as_i64() {
                    Some(number) => self.heap.one(Val::Int(number)),
                    None => self.typed("int"),
                },
                Number::Float(_) => self.typed("float"),
                Number::Complex { .. } => self.typed("complex"),
            },
            Expr::BooleanLiteral(_) => self.typed("bool"),
            Expr::NoneLiteral(_) => self.heap.one(Val::None),
            Expr::EllipsisLiteral(_) => self.typed("ellipsis"),
            Expr::Starred(node) => self.eval(&node.value),
            Expr::Slice(node) => {
                for part in [&node.lower, &node.upper, &node.step].into_iter().flatten() {
                    self.eval(part);
                }
                self.typed("slice")
            }
            Expr::IpyEscapeCommand(_) => self.unknown(Unknown::Result),
        }
    }

    pub fn string(&mut self, value: &StringLiteralValue) -> SetId {
        let text = value.to_str();
        if text.len() > 4_096 {
            return self.typed("str");
        }
        self.text(text)
    }

    /// Evaluates the parts of an f-string, and appends the texts that each may be.
    fn interpolate(&mut self, elements: &'p [InterpolatedStringElement], parts: &mut Vec<Option<Texts>>) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(literal) => parts.push(Some(vec![literal.value.to_string()])),
                InterpolatedStringElement::Interpolation(part) => {
                    let value = self.eval(&part.expression);
                    let site = Site::implicit(&*part.expression);
                    let (formatted, _) = self.call_special(value, "__format__", Args::default(), site);
                    if !formatted {
                        self.call_special(value, "__str__", Args::default(), site);
                    }
                    if let Some(specification) = &part.format_spec {
                        self.interpolate(&specification.elements, &mut Vec::new());
                    }
                    let plain = part.format_spec.is_none()
                        && part.debug_text.is_none()
                        && matches!(part.conversion, ConversionFlag::None | ConversionFlag::Str);
                    parts.push(if plain { self.texts(value) } else { None });
                }
            }
        }
    }

    /// The texts that a value may be when it is formatted, if they are known and few.
    pub fn texts(&self, set: SetId) -> Option<Texts> {
        let members = self.heap.members(set);
        if members.is_empty() || members.len() > MOST_TEXTS {
            return None;
        }
        self.heap
            .vals(set)
            .into_iter()
            .map(|(_, val)| match val {
                Val::Str(text) => Some(self.names.text(text).to_owned()),
                Val::Int(number) => Some(number.to_string()),
                _ => None,
            })
            .collect()
    }

    /// A text of which some parts are not known: what it begins and ends with, if that says anything.
    fn pattern(&mut self, parts: &[Option<Texts>]) -> SetId {
        let known = |part: &Option<Texts>| match part.as_deref() {
            Some([text]) => Some(text.clone()),
            Some(_) | None => None,
        };
        let prefix: String = parts.iter().map_while(known).collect();
        let mut ending: Vec<String> = parts.iter().rev().map_while(known).collect();
        ending.reverse();
        let suffix = ending.concat();
        self.text_between(&prefix, &suffix)
    }

    fn text_between(&mut self, prefix: &str, suffix: &str) -> SetId {
        if !(2..=LONGEST_FOLD).contains(&(prefix.len() + suffix.len())) {
            return self.typed("str");
        }
        match (self.made_text(prefix), self.made_text(suffix)) {
            (Some(prefix), Some(suffix)) => self.heap.one(Val::Pattern(prefix, suffix)),
            _ => self.typed("str"),
        }
    }

    /// The name of a text that is not in the source as it is, while there are not too many of them.
    fn made_text(&mut self, text: &str) -> Option<NameId> {
        if let Some(known) = self.names.known(text) {
            return Some(known);
        }
        if self.folds >= MOST_FOLDS {
            return None;
        }
        self.folds += 1;
        Some(self.names.id(text))
    }

    fn add_texts(&mut self, left: SetId, right: SetId) -> SetId {
        if let (Some(left), Some(right)) = (self.texts(left), self.texts(right)) {
            return self.concatenation(&[Some(left), Some(right)]);
        }
        let ends = |set: SetId| match self.heap.only(set) {
            Some(Val::Str(text)) => (self.names.text(text), self.names.text(text), true),
            Some(Val::Pattern(prefix, suffix)) => (self.names.text(prefix), self.names.text(suffix), false),
            _ => ("", "", false),
        };
        let (first, last) = (ends(left), ends(right));
        let prefix = if first.2 { format!("{}{}", first.0, last.0) } else { first.0.to_owned() };
        let suffix = if last.2 { format!("{}{}", first.1, last.1) } else { last.1.to_owned() };
        self.text_between(&prefix, &suffix)
    }

    /// The text that parts make one after the other; each way, if a part may be several texts.
    pub fn concatenation(&mut self, parts: &[Option<Texts>]) -> SetId {
        let mut ways = vec![String::new()];
        for part in parts {
            let Some(texts) = part else { return self.pattern(parts) };
            if ways.len() * texts.len() > MOST_TEXTS {
                return self.typed("str");
            }
            ways = ways.iter().flat_map(|way| texts.iter().map(move |text| format!("{way}{text}"))).collect();
            if ways.iter().any(|way| way.len() > LONGEST_FOLD) {
                return self.typed("str");
            }
        }
        let mut all = EMPTY;
        for way in ways {
            let Some(text) = self.made_text(&way) else { return self.typed("str") };
            let text = self.heap.one(Val::Str(text));
            all = self.heap.union(all, text);
        }
        all
    }

    /// What `"…%s…" % (a, b)` and `"…{}…".format(a, b)` make, if nothing but plain places is in the text.
    pub fn fill_in(&mut self, text: &str, place: &str, values: &[SetId]) -> SetId {
        let (others, escaped): (&[char], &str) = if place == "{}" { (&['{', '}'], "{{") } else { (&['%'], "%%") };
        let literals: Vec<&str> = text.split(place).collect();
        let plain = !text.contains(escaped) && literals.iter().all(|literal| !literal.contains(others));
        if !plain || literals.len() != values.len() + 1 {
            return self.typed("str");
        }
        let mut parts = Vec::new();
        for (at, literal) in literals.into_iter().enumerate() {
            parts.push(Some(vec![literal.to_owned()]));
            if let Some(value) = values.get(at) {
                parts.push(self.texts(*value));
            }
        }
        self.concatenation(&parts)
    }

    pub fn yielded(&mut self, set: SetId) {
        let mut frame = self.frame(self.frame);
        while frame.closure.is_none()
            && let Some(parent) = frame.parent
        {
            frame = self.frame(parent);
        }
        let cell = self.heap.cell(frame.object, Field::Element);
        self.heap.add(cell, set);
    }

    /// `a + b + c + …` without recursion to the left.
    pub fn binary_chain(&mut self, expr: &'p Expr) -> SetId {
        let mut chain = Vec::new();
        let mut at = expr;
        while let Expr::BinOp(node) = at {
            chain.push(node);
            at = &node.left;
        }
        let mut left = self.eval(at);
        for node in chain.into_iter().rev() {
            let right = self.eval(&node.right);
            left = self.binary(left, node.op, right, Site::implicit(node), false);
        }
        left
    }

    pub fn binary(&mut self, left: SetId, op: Operator, right: SetId, site: Site, in_place: bool) -> SetId {
        let name = builtins::operator(op);
        let args = Args { positional: vec![right], ..Args::default() };
        if in_place {
            let method = format!("__i{name}__");
            let (called, returned) = self.call_special(left, &method, args.clone(), site);
            if called {
                return returned;
            }
        }
        let (called, returned) = self.call_special(left, &format!("__{name}__"), args, site);
        if called {
            return returned;
        }
        let args = Args { positional: vec![left], ..Args::default() };
        let (called, returned) = self.call_special(right, &format!("__r{name}__"), args, site);
        if called {
            return returned;
        }
        if op == Operator::Add
            && (self.may_be_text(left) && self.all_texts(right) || self.all_texts(left) && self.may_be_text(right))
        {
            // What a loop makes longer in place is not followed.
            if in_place && self.heap.only(left).is_none() {
                return self.typed("str");
            }
            return self.add_texts(left, right);
        }
        // Text formatting gives text, whatever is formatted.
        if op == Operator::Mod && self.heap.vals(left).iter().any(|(_, val)| matches!(val, Val::Str(_))) {
            let Some(Val::Str(text)) = self.heap.only(left) else { return self.typed("str") };
            let text = self.names.text(text).to_owned();
            let values = match self.heap.only(right) {
                Some(Val::Object(tuple)) if self.heap.shape(tuple) == Shape::Tuple => match self.length(tuple) {
                    Some(length) => (0..length.min(8)).map(|at| self.element(tuple, at)).collect(),
                    None => return self.typed("str"),
                },
                _ => vec![right],
            };
            return self.fill_in(&text, "%s", &values);
        }
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(left) {
            let part = match val {
                Val::Object(object) if matches!(self.heap.shape(object), Shape::List | Shape::Tuple) => match op {
                    Operator::Add => {
                        if in_place && self.heap.shape(object) == Shape::List {
                            let elements = self.iterate(right, site);
                            let cell = self.heap.cell(object, Field::Element);
                            self.heap.add(cell, elements);
                            self.forget_length(object);
                            self.heap.single(id)
                        } else {
                            self.concatenate(object, right, site)
                        }
                    }
                    Operator::Mult => {
                        let shape = self.heap.shape(object);
                        let new = self.new_container(shape, (site.address, self.frame.0, 7));
                        let elements = self.elements(object);
                        let cell = self.heap.cell(new, Field::Element);
                        self.heap.add(cell, elements);
                        self.heap.one(Val::Object(new))
                    }
                    _ => self.heap.single(id),
                },
                Val::Object(object) if self.heap.shape(object) == Shape::Dict && op == Operator::BitOr => {
                    let new = if in_place {
                        object
                    } else {
                        let new = self.new_container(Shape::Dict, (site.address, self.frame.0, 7));
                        let old = self.heap.single(id);
                        self.merge_dict(new, old);
                        new
                    };
                    self.merge_dict(new, right);
                    self.heap.one(Val::Object(new))
                }
                Val::Str(_) | Val::Pattern(..) | Val::Int(_) => {
                    // The other side decides between int, float, text, array.
                    let single = self.heap.single(id);
                    let single = self.without_constants(single);
                    match self.heap.only(right) {
                        Some(Val::External(_)) => right,
                        Some(Val::Typed(name)) if self.names.text(name) == "float" => right,
                        _ => single,
                    }
                }
                Val::Class(_) | Val::Builtin(_) | Val::None if op == Operator::BitOr => {
                    let single = self.heap.single(id);
                    self.heap.union(single, right)
                }
                Val::None => EMPTY,
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// Whether a set may be text, and nothing else that can be added to text.
    fn may_be_text(&self, set: SetId) -> bool {
        let members = self.heap.vals(set);
        members.iter().any(|(_, val)| *val != Val::None)
            && members.iter().all(|(_, val)| match val {
                Val::Str(_) | Val::Pattern(..) | Val::Unknown(_) | Val::None => true,
                Val::Typed(name) => self.names.text(*name) == "str",
                _ => false,
            })
    }

    fn all_texts(&self, set: SetId) -> bool {
        set != EMPTY && self.heap.vals(set).iter().all(|(_, val)| matches!(val, Val::Str(_) | Val::Pattern(..)))
    }

    pub fn concatenate(&mut self, left: ObjectId, right: SetId, site: Site) -> SetId {
        let shape = self.heap.shape(left);
        let new = self.new_container(shape, (site.address, self.frame.0, 7));
        let right_object = match self.heap.only(right) {
            Some(Val::Object(object)) => Some(object),
            _ => None,
        };
        match (self.length(left), right_object.and_then(|object| self.length(object)), right_object) {
            (Some(first), Some(second), Some(right)) if first + second <= 256 => {
                for index in 0..first {
                    let set = self.element(left, index);
                    let cell = self.heap.cell(new, Field::Index(index));
                    self.heap.add(cell, set);
                }
                for index in 0..second {
                    let set = self.element(right, index);
                    let cell = self.heap.cell(new, Field::Index(first + index));
                    self.heap.add(cell, set);
                }
                self.set_length(new, first + second);
            }
            _ => {
                let elements = self.elements(left);
                let more = self.iterate(right, site);
                let all = self.heap.union(elements, more);
                let cell = self.heap.cell(new, Field::Element);
                self.heap.add(cell, all);
            }
        }
        self.heap.one(Val::Object(new))
    }

    /// Constants become values of their type: arithmetic is not followed.
    pub fn without_constants(&mut self, set: SetId) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(set) {
            let part = match val {
                Val::Str(_) | Val::Pattern(..) => self.typed("str"),
                Val::Int(_) => self.typed("int"),
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    pub fn new_container(&mut self, shape: Shape, site: (usize, u32, u32)) -> ObjectId {
        let object = self.heap.allocate(site, shape);
        if matches!(shape, Shape::List) {
            let unique = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
            if unique {
                self.set_length(object, 0);
            }
        }
        object
    }

    pub fn sequence(&mut self, shape: Shape, elements: &'p [Expr], node: usize) -> SetId {
        let mut parts = Vec::with_capacity(elements.len());
        for element in elements {
            let set = self.eval(element);
            parts.push((set, matches!(element, Expr::Starred(_))));
        }
        let object = self.heap.allocate((node, self.frame.0, 0), shape);
        let mut index = Some(0_i64);
        for (at, (set, starred)) in parts.into_iter().enumerate() {
            if starred {
                let site = elements
                    .get(at)
                    .map_or(Site { address: node, range: TextRange::default(), implicit: true }, |element| {
                        Site::implicit(element)
                    });
                let known = match self.heap.only(set) {
                    Some(Val::Object(from)) => self.length(from).map(|length| (from, length)),
                    _ => None,
                };
                if let (Some((from, length)), Some(start)) = (known, index) {
                    for offset in 0..length {
                        let set = self.element(from, offset);
                        let cell = self.heap.cell(object, Field::Index(start + offset));
                        self.heap.add(cell, set);
                    }
                    index = Some(start + length);
                } else {
                    let elements = self.iterate(set, site);
                    let cell = self.heap.cell(object, Field::Element);
                    self.heap.add(cell, elements);
                    index = None;
                }
                continue;
            }
            let field = match index {
                Some(at) if shape != Shape::Set => Field::Index(at),
                _ => Field::Element,
            };
            index = index.map(|at| at + 1);
            let cell = self.heap.cell(object, field);
            self.heap.add(cell, set);
        }
        match index {
            Some(length) if shape != Shape::Set => self.set_length(object, length),
            _ => {}
        }
        self.heap.one(Val::Object(object))
    }

    pub fn comprehension(
        &mut self,
        node: usize,
        shape: Shape,
        generators: &'p [Comprehension],
        key: Option<&'p Expr>,
        element: &'p Expr,
    ) -> SetId {
        let Some(first) = generators.first() else { return EMPTY };
        let iterable = self.eval(&first.iter);
        let mut elements = self.iterate(iterable, Site::implicit(&first.iter));
        let result = self.heap.allocate((node, self.frame.0, 3), shape);
        let Some(scope) = self.defs.comprehension_of.get(&node).copied() else { return EMPTY };
        let id = (u32::MAX - 1, self.frame.0, node);
        let inner = match self.frame_ids.get(&id) {
            Some(frame) => *frame,
            None => {
                let object = self.heap.object(Shape::Namespace, false);
                let outer = self.frame(self.frame);
                let frame = self.add_frame(Frame {
                    scope,
                    function: self.function,
                    module: self.module,
                    object,
                    parent: Some(self.frame),
                    closure: outer.closure.filter(|_| false),
                });
                self.frame_ids.insert(id, frame);
                frame
            }
        };
        let outer = self.frame;
        self.begin_maybe();
        self.frame = inner;
        for (at, generator) in generators.iter().enumerate() {
            if at > 0 {
                let iterable = self.eval(&generator.iter);
                elements = self.iterate(iterable, Site::implicit(&generator.iter));
            }
            self.assign(&generator.target, elements);
            for condition in &generator.ifs {
                self.test(condition);
            }
        }
        let key = key.map(|key| self.eval(key));
        let value = self.eval(element);
        self.frame = outer;
        match (shape, key) {
            (Shape::Dict, Some(key)) => self.set_key(result, key, value),
            _ => {
                let cell = self.heap.cell(result, Field::Element);
                self.heap.add(cell, value);
            }
        }
        self.end_maybe();
        self.heap.one(Val::Object(result))
    }

    /// Whether nothing is known of a value but that it is there.
    pub fn is_unknown(&self, set: SetId) -> bool {
        self.heap.members(set).iter().all(|id| matches!(self.heap.get(*id), Val::Unknown(_)))
    }

    /// Evaluates a condition.
    pub fn test(&mut self, condition: &'p Expr) {
        let value = self.eval(condition);
        self.truth(value, Site::implicit(condition));
    }

    pub fn truth(&mut self, value: SetId, site: Site) {
        if !self.call_special(value, "__bool__", Args::default(), site).0 {
            self.call_special(value, "__len__", Args::default(), site);
        }
    }

    // Snippets.

    /// Runs literal code in the current scope.
    pub fn run_snippet(&mut self, range: TextRange) -> SetId {
        let Some(snippet) = self.project.snippet(self.module, range) else { return EMPTY };
        if self.snippet.is_some() || self.depth > DEEPEST_INLINE {
            return EMPTY;
        }
        let code = &snippet.code;
        if self.snippets_known.insert(address(code)) {
            self.defs.collect_snippet(self.function, code, &mut self.names);
            self.walked.resize(self.defs.functions.len(), false);
        }
        self.snippet = Some(range);
        let result = match code {
            Mod::Expression(node) => self.eval(&node.body),
            Mod::Module(node) => {
                self.block(&node.body);
                self.heap.one(Val::None)
            }
        };
        self.snippet = None;
        result
    }

    /// The value in an id.
    pub fn val(&self, id: ValueId) -> Val {
        self.heap.get(id)
    }
}
