//! Puts a call's arguments into a contract: symbols become the argument's sizes, rules become shapes and types.
//!
//! Depends on `formula` and `expression`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::dtype::Dtype;
use super::format::{
    ContentSpec, Contract, EffectSpec, Expression, Kind, ObjectSpec, ParameterKind, ResultSpec, ShapeSpec, is_number,
};
use super::rule::Rule;
use super::shape::Shape;
use super::{
    Applied, Arguments, Callback, Content, Contracts, Effect, ExternalBounds, Missing, Object, ResultValue, Text,
};
use crate::expression::Value;
use crate::formula::Formula;

/// A contract that is being applied to the arguments of one call.
pub(super) struct Call<'a> {
    pub arguments: &'a dyn Arguments,
    pub contract: &'a Contract,
    contracts: &'a Contracts,
    missing: RefCell<Vec<Missing>>,
    resolved: RefCell<BTreeMap<Text, Formula>>,
    /// Names that are being computed, so that a circle ends.
    active: RefCell<Vec<Text>>,
    /// Features of the result, once it is made.
    result: RefCell<BTreeMap<Text, Formula>>,
}

impl Contract {
    /// Whether a path is the parameter `*path` itself.
    pub(super) fn is_rest(&self, path: &str) -> bool {
        self.parameters.get(path).is_some_and(|parameter| parameter.kind == ParameterKind::Rest)
    }
}

/// Applies a contract.
pub(super) fn apply(contract: &Contract, contracts: &Contracts, arguments: &dyn Arguments) -> Applied {
    Call::new(contract, contracts, arguments).run()
}

/// The values of sizes in a call, with the ends of their ranges.
pub(super) fn values(
    contract: &Contract,
    contracts: &Contracts,
    arguments: &dyn Arguments,
    sizes: &[(Text, f64, f64)],
) -> Vec<(Text, Formula, f64, f64)> {
    let call = Call::new(contract, contracts, arguments);
    sizes.iter().map(|(symbol, least, most)| (symbol.clone(), call.symbol(symbol), *least, *most)).collect()
}

/// The features that Python's own objects have by their length, in bytes. `None` for other kinds.
///
/// Source: `sys.getsizeof` of CPython 3.11 to 3.13 with the garbage collector's 16 bytes; constants differ by a few
/// words between versions, which the callers know better.
pub(super) fn python_bytes(kind: &str, length: &Formula, width: &Formula) -> Option<Formula> {
    let linear = |slope: i64, constant: i64| &(length * &Formula::from(slope)) + &Formula::from(constant);
    let container = |function: &str| {
        let name = Text::from("n");
        let map = BTreeMap::from([(name, length.clone())]);
        Formula::parse(function).ok().map(|formula| formula.substitute(&map))
    };
    match kind {
        "str" => Some(&(length * width) + &Formula::from(49)),
        "bytes" => Some(linear(1, 33)),
        "bytearray" => Some(linear(1, 57)),
        "list" => Some(linear(8, 72)),
        "tuple" => Some(linear(8, 56)),
        "deque" => Some(linear(8, 760)),
        "set" | "frozenset" => container("py_set(n) + 16"),
        "dict" => container("py_dict(n) + 16"),
        "memoryview" => Some(Formula::from(184)),
        _ => None,
    }
}

impl<'a> Call<'a> {
    fn new(contract: &'a Contract, contracts: &'a Contracts, arguments: &'a dyn Arguments) -> Self {
        Self {
            arguments,
            contract,
            contracts,
            missing: RefCell::default(),
            resolved: RefCell::default(),
            active: RefCell::default(),
            result: RefCell::default(),
        }
    }
}

impl Call<'_> {
    fn run(&self) -> Applied {
        let zero = Formula::zero;
        let loads: Vec<(Text, Formula, Formula)> = self
            .contract
            .loads
            .iter()
            .map(|path| (path.clone(), self.feature(path, "pending"), self.feature(path, "decoding")))
            .filter(|(_, pending, decoding)| !pending.is_zero() || !decoding.is_zero())
            .collect();
        let pending: Formula = loads.iter().map(|(_, pending, _)| pending.clone()).sum();
        let decoding = Formula::max(loads.iter().map(|(_, _, decoding)| decoding.clone()).chain([zero()]).collect());

        let result = self.result(&self.contract.result);
        self.remember(&result);
        let mut effects: Vec<Effect> = loads
            .into_iter()
            .map(|(path, grow, _)| Effect {
                path,
                touched: grow.clone(),
                grow,
                set: BTreeMap::from([(Text::from("pending"), zero()), (Text::from("decoding"), zero())]),
                release: false,
                holds: Vec::new(),
            })
            .collect();
        let mut grown = zero();
        let mut grown_touched = zero();
        for effect in &self.contract.effects {
            let effect = self.effect(effect);
            grown = &grown + &effect.grow;
            grown_touched = &grown_touched + &effect.touched;
            effects.push(effect);
        }
        let transient = self.optional(self.contract.transient.as_ref());
        let resident_transient = match &self.contract.resident_transient {
            Some(formula) => self.value(formula),
            None => transient.clone(),
        };
        let total = result.total();
        let touched = result.total_touched();
        let body = |own: Option<&Expression>, otherwise: Formula| own.map_or(otherwise, |formula| self.value(formula));
        let peak = body(self.contract.peak.as_ref(), &(&total + &grown) + &transient);
        let resident_peak = body(
            self.contract.resident_peak.as_ref(),
            match &self.contract.peak {
                Some(_) if total == touched => peak.clone(),
                Some(_) => &(&peak - &total) + &touched,
                None => &(&touched + &grown_touched) + &resident_transient,
            },
        );
        let demand = body(
            self.contract.demand.as_ref(),
            match &self.contract.peak {
                Some(_) => peak.clone(),
                None => &(&total + &grown) + &transient,
            },
        );
        let above = |formula: Formula| &pending + &Formula::max(vec![decoding.clone(), formula]);
        let calls = self.contract.calls.iter().map(|callback| Callback {
            parameter: callback.parameter.clone(),
            times: callback.times.as_ref().map(|formula| self.value(formula)),
            concurrency: callback.concurrency.as_ref().map_or_else(Formula::one, |formula| self.value(formula)),
            processes: callback.processes,
            items: callback.items.clone(),
        });
        let mut applied = Applied {
            demand: &(&demand + &pending) + &decoding,
            peak: above(peak),
            resident_peak: above(resident_peak),
            retained: self.optional(self.contract.retained.as_ref()),
            result,
            effects,
            missing: Vec::new(),
            externals: self.contract.externals.clone(),
            bounds: self
                .contract
                .bounds
                .iter()
                .map(|(symbol, most, typical)| {
                    let value = |formula: &Option<Expression>| formula.as_ref().map(|formula| self.value(formula));
                    (symbol.clone(), ExternalBounds { most: value(most), typical: value(typical) })
                })
                .collect(),
            raises: self.contract.raises.clone(),
            calls: calls.collect(),
        };
        let used = applied.symbols();
        applied.missing = self.missing.take().into_iter().filter(|missing| used.contains(&missing.symbol)).collect();
        applied.externals.retain(|external| used.contains(&external.symbol));
        applied
    }

    fn optional(&self, formula: Option<&Expression>) -> Formula {
        formula.map_or_else(Formula::zero, |formula| self.value(formula))
    }

    fn effect(&self, effect: &EffectSpec) -> Effect {
        let grow = self.optional(effect.grow.as_ref());
        Effect {
            path: effect.on.clone(),
            touched: effect.touched.as_ref().map_or_else(|| grow.clone(), |formula| self.value(formula)),
            grow,
            set: effect.set.iter().map(|(name, formula)| (name.clone(), self.value(formula))).collect(),
            release: effect.release,
            holds: effect.holds.clone(),
        }
    }

    /// A formula with all symbols that are known put in.
    pub(super) fn value(&self, expression: &Expression) -> Formula {
        let symbols = expression.formula.symbols();
        let map: BTreeMap<Text, Formula> =
            symbols.into_iter().map(|symbol| (symbol.clone(), self.symbol(&symbol))).collect();
        expression.formula.substitute(&map)
    }

    /// What a symbol of the contract stands for.
    pub(super) fn symbol(&self, symbol: &str) -> Formula {
        if let Some(known) = self.resolved.borrow().get(symbol) {
            return known.clone();
        }
        let name = Text::from(symbol);
        if self.active.borrow().contains(&name) {
            return Formula::symbol(symbol);
        }
        self.active.borrow_mut().push(name.clone());
        let value = self.compute(symbol);
        self.active.borrow_mut().pop();
        // The result's features are there only once it is made.
        if !symbol.starts_with("result.") {
            self.resolved.borrow_mut().insert(name, value.clone());
        }
        value
    }

    fn compute(&self, symbol: &str) -> Formula {
        if let Some((_, formula)) = self.contract.lets.iter().find(|(name, _)| &**name == symbol) {
            return self.value(formula);
        }
        if self.contract.externals.iter().any(|external| &*external.symbol == symbol) {
            return Formula::symbol(symbol);
        }
        if let Some(feature) = symbol.strip_prefix("result.") {
            return self.result.borrow().get(feature).cloned().unwrap_or_else(|| Formula::symbol(symbol));
        }
        let (path, feature) = split(symbol);
        match feature {
            Some(feature) => self.feature(path, feature),
            None => self.number(path),
        }
    }

    /// The value, as passed or by default.
    pub(super) fn literal(&self, path: &str) -> Option<Value> {
        match self.contract.parameters.get(path) {
            Some(parameter) if parameter.optional && !self.arguments.given(path) => parameter.default.clone(),
            _ => self.arguments.literal(path),
        }
    }

    /// A size that is not known.
    pub(super) fn missing(&self, path: &str, feature: &str) -> Formula {
        let symbol = if feature.is_empty() { Text::from(path) } else { Text::from(format!("{path}.{feature}")) };
        let symbol = Text::from(symbol.replace("[]", "[0]"));
        let missing = Missing { symbol: symbol.clone(), path: Text::from(path), feature: Text::from(feature) };
        let mut all = self.missing.borrow_mut();
        if !all.contains(&missing) {
            all.push(missing);
        }
        Formula::symbol(&symbol)
    }

    fn number(&self, path: &str) -> Formula {
        if let Some(value) = self.literal(path)
            && let Some(formula) = literal_formula(&value)
        {
            return formula;
        }
        self.arguments.number(path).unwrap_or_else(|| self.missing(path, ""))
    }

    /// A size of a value.
    pub(super) fn feature(&self, path: &str, feature: &str) -> Formula {
        let key = format!("{path}.{feature}");
        if let Some(known) = self.resolved.borrow().get(key.as_str()) {
            return known.clone();
        }
        if self.active.borrow().iter().filter(|name| ***name == *key).count() > 1 {
            return self.missing(path, feature);
        }
        self.active.borrow_mut().push(Text::from(key.as_str()));
        let found = self.known_feature(path, feature);
        self.active.borrow_mut().pop();
        let value = found.unwrap_or_else(|| self.missing(path, feature));
        self.resolved.borrow_mut().insert(Text::from(key), value.clone());
        value
    }

    fn known_feature(&self, path: &str, feature: &str) -> Option<Formula> {
        let given = path == "self" || path.contains('[') || self.arguments.given(path);
        if feature == "given" {
            return Some(Formula::from(i64::from(given)));
        }
        if let Some(known) = self.arguments.feature(path, feature) {
            return Some(known);
        }
        let literal = self.literal(path);
        match &literal {
            // Nothing has no size.
            Some(Value::None) => return Some(Formula::zero()),
            Some(value) if feature == "length" => {
                if let Some(length) = value.iterations() {
                    return Some(Formula::integer(length));
                }
            }
            Some(Value::Str(text)) if feature == "width" => {
                let widest = text.chars().map(u32::from).max().unwrap_or(0);
                return Some(Formula::from(if widest < 0x100 {
                    1
                } else if widest < 0x1_0000 {
                    2
                } else {
                    4
                }));
            }
            _ => {}
        }
        if let Some(shape) = self.arguments.shape(path)
            && let Some(known) = shape_feature(&shape, feature)
        {
            return Some(known);
        }
        let kind = self.arguments.kind(path).or_else(|| literal.as_ref().map(|value| Text::from(value.type_name())))?;
        if is_number(&kind) {
            return match feature {
                "size" => Some(Formula::one()),
                "ndim" => Some(Formula::zero()),
                "itemsize" => Dtype::of_number(&kind).itemsize,
                "nbytes" => Dtype::of_number(&kind).itemsize,
                "bytes" => Some(Formula::from(super::number_bytes(&kind))),
                _ => None,
            };
        }
        match feature {
            "bytes" if super::format::PYTHON_KINDS.contains(&&*kind) => {
                let length = self.feature(path, "length");
                return python_bytes(&kind, &length, &self.feature(path, "width"));
            }
            "width" if &*kind == "str" => return None,
            "width" if matches!(&*kind, "bytes" | "bytearray" | "memoryview") => return Some(Formula::one()),
            "size" if matches!(&*kind, "list" | "tuple" | "set" | "range") => {
                return Some(self.feature(path, "length"));
            }
            "size" | "nbytes" if matches!(&*kind, "bytes" | "bytearray" | "memoryview") => {
                return Some(self.feature(path, "length"));
            }
            "itemsize" if matches!(&*kind, "bytes" | "bytearray") => return Some(Formula::one()),
            "itemsize" if matches!(&*kind, "list" | "tuple" | "range") => return self.dtype_at(path).itemsize,
            _ => {}
        }
        self.derived(&kind, feature, &|name| Some(self.feature(path, name)), &|name| self.arguments.text(path, name))
    }

    /// A feature that follows from others, by the kind's declaration or that of its bases.
    fn derived(
        &self,
        kind: &str,
        feature: &str,
        get: &dyn Fn(&str) -> Option<Formula>,
        text: &dyn Fn(&str) -> Option<Text>,
    ) -> Option<Formula> {
        let declared: Vec<&Kind> =
            self.contracts.lineage(kind).iter().filter_map(|name| self.contracts.kind(name)).collect();
        let compute = |expression: &Expression| {
            let mut map = BTreeMap::new();
            for symbol in expression.formula.symbols() {
                let value = get(&symbol)?;
                map.insert(symbol, value);
            }
            Some(expression.formula.substitute(&map))
        };
        for kind in declared {
            if let Some((_, expression)) = kind.derived.iter().find(|(name, _)| &**name == feature) {
                return compute(expression);
            }
            if let Some(lookup) = kind.lookups.iter().find(|lookup| &*lookup.feature == feature) {
                let value = text(&lookup.of).and_then(|key| lookup.values.iter().find(|(name, _)| *name == key));
                let expression = value.map(|(_, expression)| expression).or(lookup.default.as_ref())?;
                return compute(expression);
            }
            let own = match feature {
                "bytes" => kind.bytes.as_ref(),
                "touched" => kind.touched.as_ref(),
                _ => None,
            };
            if let Some(expression) = own {
                return compute(expression);
            }
        }
        None
    }

    // ---- Results ----

    fn result(&self, spec: &ResultSpec) -> ResultValue {
        match spec {
            ResultSpec::None => ResultValue::None,
            ResultSpec::Unknown => ResultValue::Unknown,
            ResultSpec::Argument(path) => ResultValue::Argument(path.clone()),
            ResultSpec::Number { kind, value } => {
                ResultValue::Number { kind: kind.clone(), value: value.as_ref().map(|formula| self.value(formula)) }
            }
            ResultSpec::Object(spec) => self.object(spec),
        }
    }

    fn object(&self, spec: &ObjectSpec) -> ResultValue {
        let kind = self.kind_name(&spec.kind);
        let declared = self.contracts.kind(&kind);
        let mut features = BTreeMap::new();
        let mut texts = BTreeMap::new();
        let mut dimensions = None;
        if let Some(shape) = &spec.shape {
            let shape = match shape {
                ShapeSpec::Rule(rule) => self.shape_of(&rule.value),
                ShapeSpec::Dimensions(list) => Shape::of(list.iter().map(|formula| self.value(formula)).collect()),
            };
            features.insert(Text::from("size"), shape.size.clone());
            dimensions = shape.dimensions;
        }
        let mut number = Text::from("float");
        if let Some(rule) = &spec.dtype {
            let dtype = self.dtype_of(&rule.value);
            number = match dtype.name.as_deref() {
                Some("bool") => Text::from("bool"),
                Some(name) if name.starts_with("int") || name.starts_with("uint") => Text::from("int"),
                Some(name) if name.starts_with("complex") => Text::from("complex"),
                _ => number,
            };
            if let Some(itemsize) = dtype.itemsize {
                features.insert(Text::from("itemsize"), itemsize);
            } else {
                let mut words = Vec::new();
                rule.value.words(&mut words);
                let path = words.first().copied().unwrap_or("dtype");
                features.insert(Text::from("itemsize"), self.missing(path, "itemsize"));
            }
            if let Some(name) = dtype.name {
                texts.insert(Text::from("dtype"), name);
            }
        }
        if declared.is_some_and(|kind| kind.scalar)
            && dimensions.as_ref().is_some_and(Vec::is_empty)
            && spec.view.is_none()
        {
            return ResultValue::Number { kind: number, value: None };
        }
        for (name, rule) in &spec.texts {
            if let Some(text) = self.text_of(&rule.value) {
                texts.insert(name.clone(), text);
            }
        }
        for (name, formula) in &spec.features {
            features.insert(name.clone(), self.value(formula));
        }
        // A table's rows and columns are its shape.
        if spec.shape.is_none()
            && dimensions.is_none()
            && let mut kinds = self.contracts.lineage(&kind).iter().filter_map(|name| self.contracts.kind(name))
            && let Some(shaped) = kinds.find(|kind| !kind.shape.is_empty())
        {
            let extent = |expression: &Expression| -> Option<Formula> {
                let mut map = BTreeMap::new();
                for symbol in expression.formula.symbols() {
                    let value = self.own_feature(&kind, &symbol, &features, &texts, None, 0)?;
                    map.insert(symbol, value);
                }
                Some(expression.formula.substitute(&map))
            };
            dimensions = shaped.shape.iter().map(extent).collect();
            if let Some(dimensions) = &dimensions {
                let size = Shape::of(dimensions.clone()).size;
                features.entry(Text::from("size")).or_insert(size);
            }
        }
        let content = match &spec.content {
            ContentSpec::Opaque => Content::Opaque,
            ContentSpec::Items(items) => Content::Items(items.iter().map(|item| self.result(item)).collect()),
            ContentSpec::Many(item) => Content::Many {
                length: features.get("length").cloned().unwrap_or_else(Formula::zero),
                item: self.result(item),
            },
            ContentSpec::Keys(items) => {
                Content::Keys(items.iter().map(|(key, item)| (key.clone(), self.result(item))).collect())
            }
            ContentSpec::Numbers(rule) => match self.shape_of(&rule.value).dimensions {
                Some(numbers) => Content::Items(
                    numbers
                        .into_iter()
                        .map(|value| ResultValue::Number { kind: Text::from("int"), value: Some(value) })
                        .collect(),
                ),
                None => Content::Opaque,
            },
        };
        match &content {
            Content::Items(items) => {
                features.entry(Text::from("length")).or_insert_with(|| count(items.len()));
            }
            Content::Keys(items) => {
                features.entry(Text::from("length")).or_insert_with(|| count(items.len()));
            }
            Content::Opaque | Content::Many { .. } => {}
        }
        let get = |name: &str| self.own_feature(&kind, name, &features, &texts, dimensions.as_deref(), 0);
        let bytes = match &spec.bytes {
            Some(formula) => self.of_result(formula, &get),
            None if spec.view.is_some() => Formula::zero(),
            None => get("bytes").unwrap_or_else(Formula::zero),
        };
        let touched = match &spec.touched {
            Some(formula) => self.of_result(formula, &get),
            None if spec.view.is_some() || spec.bytes.is_some() => bytes.clone(),
            None => declared
                .filter(|kind| kind.touched.is_some())
                .and_then(|_| get("touched"))
                .unwrap_or_else(|| bytes.clone()),
        };
        // Array kinds are asked for these by later calls; the shape alone may not be known.
        let nbytes = get("nbytes");
        if let Some(nbytes) = nbytes {
            features.entry(Text::from("nbytes")).or_insert(nbytes);
        }
        ResultValue::Object(Box::new(Object {
            kind,
            view_of: spec.view.clone(),
            holds: spec.holds.clone(),
            features,
            texts,
            shape: dimensions,
            bytes,
            touched,
            content,
        }))
    }

    /// A formula of the result itself: `result.x` and the features that it was just given.
    fn of_result(&self, expression: &Expression, get: &dyn Fn(&str) -> Option<Formula>) -> Formula {
        let mut map = BTreeMap::new();
        for symbol in expression.formula.symbols() {
            let value = match symbol.strip_prefix("result.") {
                Some(feature) => get(feature).unwrap_or_else(|| Formula::symbol(&symbol)),
                None => self.symbol(&symbol),
            };
            map.insert(symbol, value);
        }
        expression.formula.substitute(&map)
    }

    /// A feature of an object that is being made.
    fn own_feature(
        &self,
        kind: &str,
        feature: &str,
        features: &BTreeMap<Text, Formula>,
        texts: &BTreeMap<Text, Text>,
        shape: Option<&[Formula]>,
        depth: u32,
    ) -> Option<Formula> {
        if let Some(known) = features.get(feature) {
            return Some(known.clone());
        }
        if let Some(known) = shape.and_then(|shape| shape_feature(shape, feature)) {
            return Some(known);
        }
        if depth > MOST_DERIVED {
            return None;
        }
        if feature == "bytes"
            && let Some(length) = features.get("length")
        {
            let one = Formula::one();
            if let Some(bytes) = python_bytes(kind, length, features.get("width").unwrap_or(&one)) {
                return Some(bytes);
            }
        }
        let get = |name: &str| self.own_feature(kind, name, features, texts, shape, depth + 1);
        self.derived(kind, feature, &get, &|name| texts.get(name).cloned())
    }

    /// What `result.x` is from now on.
    fn remember(&self, result: &ResultValue) {
        let mut known = BTreeMap::new();
        if let ResultValue::Object(object) = result {
            known = object.features.clone();
            if let Some(shape) = &object.shape {
                for (n, extent) in shape.iter().enumerate() {
                    known.insert(Text::from(format!("shape[{n}]")), extent.clone());
                }
            }
            known.insert(Text::from("own"), object.bytes.clone());
        }
        known.insert(Text::from("bytes"), result.total());
        known.insert(Text::from("touched"), result.total_touched());
        *self.result.borrow_mut() = known;
    }

    /// A kind with the literal arguments that its name is made of.
    fn kind_name(&self, kind: &Text) -> Text {
        let Some((before, rest)) = kind.split_once('{') else { return kind.clone() };
        let (parameter, after) = rest.split_once('}').unwrap_or((rest, ""));
        match self.literal(parameter) {
            Some(Value::Str(text)) => Text::from(format!("{before}{text}{after}")),
            _ => match self.arguments.kind(parameter) {
                Some(kind) if parameter == "self" => Text::from(format!("{before}{kind}{after}")),
                _ => Text::from(before.trim_end_matches('.')),
            },
        }
    }

    // ---- Texts and types ----

    fn text_of(&self, rule: &Rule) -> Option<Text> {
        match rule {
            Rule::Quoted(text) => Some(text.clone()),
            Rule::Integer(_) => None,
            Rule::Word(word) => {
                let (path, feature) = split(word);
                self.arguments.text(path, feature?)
            }
            Rule::Call(name, arguments) => match &**name {
                "argument" => match self.literal(arguments.first()?.word()?) {
                    Some(Value::Str(text)) => Some(text),
                    _ => None,
                },
                "first" => arguments.iter().find_map(|rule| self.text_of(rule)),
                _ => None,
            },
        }
    }

    /// The item type of a value.
    pub(super) fn dtype_at(&self, path: &str) -> Dtype {
        if let Some(name) = self.arguments.text(path, "dtype") {
            let named = Dtype::named(&name);
            if named.itemsize.is_some() {
                return named;
            }
        }
        let kind = self.arguments.kind(path).or_else(|| self.literal(path).map(|value| Text::from(value.type_name())));
        match kind.as_deref() {
            Some(kind) if is_number(kind) => return Dtype::of_number(kind),
            Some("list" | "tuple" | "range") => {
                let mut item = format!("{path}[]");
                for _ in 0..4 {
                    match self.arguments.kind(&item).as_deref() {
                        Some("list" | "tuple") => item.push_str("[]"),
                        Some("NoneType" | "str" | "dict") | None => break,
                        Some(_) => return Dtype { weak: false, ..self.dtype_at(&item) },
                    }
                }
                return Dtype { itemsize: Some(Formula::from(8)), ..Dtype::default() };
            }
            Some("bytes" | "bytearray" | "memoryview") => return Dtype::named("uint8"),
            _ => {}
        }
        if self.arguments.feature(path, "bands").is_some() {
            return Dtype::named(match self.arguments.text(path, "mode").as_deref() {
                Some("1") => "bool",
                Some("I") => "int32",
                Some("F") => "float32",
                Some("I;16") => "uint16",
                _ => "uint8",
            });
        }
        Dtype { name: None, itemsize: Some(self.feature(path, "itemsize")), weak: false }
    }

    /// An item type by a rule.
    pub(super) fn dtype_of(&self, rule: &Rule) -> Dtype {
        let (name, arguments) = match rule {
            Rule::Quoted(name) => return Dtype::named(name),
            Rule::Integer(size) => {
                return Dtype { name: None, itemsize: Some(Formula::from(*size)), weak: false };
            }
            Rule::Word(word) if &**word == "self" || self.contract.parameters.get(root(word)).is_some() => {
                return self.dtype_at(word);
            }
            Rule::Word(word) => return Dtype::named(word),
            Rule::Call(name, arguments) => (&**name, arguments),
        };
        let at = |n: usize| arguments.get(n).map(|rule| self.dtype_of(rule)).unwrap_or_default();
        match name {
            "dtype" => {
                let path = arguments.first().and_then(Rule::word).unwrap_or_default();
                match self.literal(path) {
                    Some(Value::Str(name)) => Dtype::named(&name),
                    Some(Value::None) => at(1),
                    Some(_) => at(1),
                    None if !self.arguments.given(path) => at(1),
                    None => match self.arguments.reference(path).or_else(|| self.arguments.text(path, "dtype")) {
                        Some(name) => Dtype::named(&name),
                        None => Dtype { itemsize: self.arguments.feature(path, "itemsize"), ..Dtype::default() },
                    },
                }
            }
            "promote" => (1..arguments.len()).fold(at(0), |left, n| left.promote(&at(n))),
            "items" => {
                let path = arguments.first().and_then(Rule::word).unwrap_or_default();
                let item = format!("{path}[0]");
                let item = if self.arguments.kind(&item).is_some() { item } else { format!("{path}[]") };
                Dtype { weak: false, ..self.dtype_at(&item) }
            }
            "inexact" => Dtype { weak: false, ..at(0).inexact() },
            "summed" => Dtype { weak: false, ..at(0).summed() },
            "complex" => at(0).complex(),
            "real" => at(0).real(),
            "lapack" => at(0).lapack(),
            "strong" => Dtype { weak: false, ..at(0) },
            _ => Dtype::default(),
        }
    }
}

/// Rules for item types.
pub(super) const DTYPE_RULES: &[(&str, usize, usize, &str)] = &[
    ("dtype", 1, 2, "the type that an argument names; else the second"),
    ("promote", 1, 4, "the type of an operation between them"),
    ("items", 1, 1, "the type of the arrays in a list"),
    ("inexact", 1, 1, "float64 for integers, other types as they are"),
    ("summed", 1, 1, "int64 for small integers, other types as they are"),
    ("complex", 1, 1, "the complex type of the same precision"),
    ("real", 1, 1, "the real type of the same precision"),
    ("lapack", 1, 1, "float32 and complex types as they are, else float64"),
    ("strong", 1, 1, "a Python number's type as an array's"),
];

/// Rules for texts.
pub(super) const TEXT_RULES: &[(&str, usize, usize, &str)] =
    &[("argument", 1, 1, "the text that is passed"), ("first", 1, 4, "the first of them that is known")];

/// Steps from a derived feature to the given ones.
const MOST_DERIVED: u32 = 12;

fn count(length: usize) -> Formula {
    Formula::integer(length)
}

/// `a[0].size` is the path `a[0]` and the feature `size`; `a.shape[0]` the path `a` and `shape[0]`.
pub(super) fn split(symbol: &str) -> (&str, Option<&str>) {
    match symbol.find('.') {
        Some(dot) => (&symbol[..dot], Some(&symbol[dot + 1..])),
        None => (symbol, None),
    }
}

/// The parameter that a path begins with.
pub(super) fn root(path: &str) -> &str {
    path.find(['.', '[']).map_or(path, |at| &path[..at])
}

fn literal_formula(value: &Value) -> Option<Formula> {
    match value {
        Value::Int(number) => Some(Formula::integer(number.clone())),
        Value::Bool(flag) => Some(Formula::from(i64::from(*flag))),
        Value::Float(number) if number.is_finite() => {
            num_rational::BigRational::from_float(*number).map(Formula::rational)
        }
        Value::Str(text) => Some(Formula::string(text)),
        Value::None => Some(Formula::literal("None")),
        _ => None,
    }
}

/// What follows from a shape alone.
fn shape_feature(shape: &[Formula], feature: &str) -> Option<Formula> {
    match feature {
        "size" => Some(Formula::product(shape.iter().cloned())),
        "ndim" => Some(count(shape.len())),
        "length" | "rows" => shape.first().cloned(),
        "columns" => shape.get(1).cloned(),
        _ => {
            let index: i64 = feature.strip_prefix("shape[")?.strip_suffix(']')?.parse().ok()?;
            let at = if index < 0 { index + i64::try_from(shape.len()).ok()? } else { index };
            // A dimension that is not there is one of 1, as broadcasting has it.
            Some(shape.get(usize::try_from(at).ok()?).cloned().unwrap_or_else(Formula::one))
        }
    }
}

impl Applied {
    /// All symbols of all formulas.
    fn symbols(&self) -> std::collections::BTreeSet<Text> {
        let mut found = std::collections::BTreeSet::new();
        let mut add = |formula: &Formula| found.extend(formula.symbols());
        for formula in [&self.demand, &self.peak, &self.resident_peak, &self.retained] {
            add(formula);
        }
        result_formulas(&self.result, &mut add);
        for effect in &self.effects {
            add(&effect.grow);
            add(&effect.touched);
            effect.set.values().for_each(&mut add);
        }
        for callback in &self.calls {
            callback.times.iter().for_each(&mut add);
            add(&callback.concurrency);
        }
        found
    }
}

fn result_formulas(result: &ResultValue, add: &mut dyn FnMut(&Formula)) {
    match result {
        ResultValue::None | ResultValue::Unknown | ResultValue::Argument(_) => {}
        ResultValue::Number { value, .. } => value.iter().for_each(add),
        ResultValue::Object(object) => {
            for formula in [&object.bytes, &object.touched] {
                add(formula);
            }
            object.features.values().for_each(&mut *add);
            object.shape.iter().flatten().for_each(&mut *add);
            match &object.content {
                Content::Opaque => {}
                Content::Items(items) => items.iter().for_each(|item| result_formulas(item, add)),
                Content::Many { length, item } => {
                    add(length);
                    result_formulas(item, add);
                }
                Content::Keys(items) => items.iter().for_each(|(_, item)| result_formulas(item, add)),
            }
        }
    }
}
