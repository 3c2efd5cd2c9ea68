//! Calls of libraries: contracts asked and applied; arrays indexed; attributes of what contracts made.

use std::collections::BTreeMap;

use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::Ranged;

use crate::contracts::{self, Applied, Content, ResultValue};
use crate::expression::{Text, Value as Plain};
use crate::formula::{self, Formula};

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::expressions::{Quick, quick};
use super::machine::{Eval, Flow, Machine};
use super::unknown::UnknownKind;
use super::value::{Code, Entry, Growth, Kind, NumberKind, Object, ObjectId, Value, holds};

/// Kind of numpy's arrays.
const ARRAY: &str = "numpy.ndarray";

/// Steps for which the call of a library counts where every loop is run to its end.
const LIBRARY_STEPS: u64 = 8;

/// What a library imports itself: it is there before the first call. Seen in `sys.modules` after `import LIBRARY` with pandas
/// 3.1, scipy 1.18 and scikit-learn 1.9.
const BRINGS: &[(&str, &[&str])] = &[
    ("pandas", &["numpy.random", "numpy.linalg"]),
    ("scipy", &["numpy.random", "numpy.linalg", "numpy.fft"]),
    ("sklearn", &["numpy.random", "numpy.linalg", "numpy.fft"]),
];

impl<'p> Machine<'p> {
    /// Calls something that a contract speaks of, or that costs nothing; anything else is unknown.
    pub(super) fn call_contract(
        &mut self,
        name: &str,
        receiver: Option<&Value>,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Eval {
        self.first_use(name);
        if self.is_round_by_round() {
            // A call of a library is more work than a statement.
            self.steps += LIBRARY_STEPS;
        }
        let is_program = matches!(
            name,
            "subprocess.run"
                | "subprocess.call"
                | "subprocess.check_call"
                | "subprocess.check_output"
                | "subprocess.getoutput"
                | "subprocess.Popen"
                | "os.system"
                | "os.popen"
                | "asyncio.create_subprocess_exec"
                | "asyncio.create_subprocess_shell"
        );
        if is_program {
            let place = format!("{}:{}", self.file(), self.line(node));
            self.assume(format!(
                "the program that {name} starts ({place}) has memory of its own: the platform's limit counts it, and this \
                 prediction does not"
            ));
        }
        // What a user's contract says is taken before what this program knows itself.
        if self.contracts.is_own(name)
            && let Some(value) = self.by_contract(name, receiver, arguments, node)?
        {
            return Ok(value);
        }
        if let Some(value) = self.standard(name, receiver, arguments, node)? {
            return Ok(value);
        }
        match self.by_contract(name, receiver, arguments, node)? {
            Some(value) => {
                if matches!(name, "base64.b64decode" | "base64.standard_b64decode" | "base64.urlsafe_b64decode") {
                    self.note_picture(&value, arguments.positional.first());
                }
                if name == "random.Random"
                    && let Some(id) = holds(&value)
                {
                    self.seed(Some(id), arguments);
                }
                Ok(value)
            }
            None if crate::contracts::free::reason(name).is_some() || is_small(name) => {
                Ok(self.unknown(node, UnknownKind::Result, &format!("the result of {name}")))
            }
            None => self.call_unknown(name, node),
        }
    }

    /// The same for a special method of a kind (`__getitem__`, `__iter__`), which is no call in the source: without a
    /// contract nothing is charged.
    pub(super) fn call_special(
        &mut self,
        (kind, method): (&str, &str),
        receiver: &Value,
        arguments: Vec<Value>,
        node: &impl Ranged,
        what: &str,
    ) -> Eval {
        let arguments = Arguments::positional(arguments);
        match self.by_contract(&format!("{kind}.{method}"), Some(receiver), &arguments, node)? {
            Some(value) => Ok(value),
            None => Ok(self.unknown(node, UnknownKind::Result, what)),
        }
    }

    /// Remembers of decoded bytes which picture they are, where their text is known.
    fn note_picture(&mut self, value: &Value, text: Option<&Value>) {
        let picture = match text.and_then(|text| self.plain(text)) {
            Some(Plain::Str(text)) => super::pictures::picture(&super::pictures::from_base64(&text)),
            Some(Plain::Bytes(bytes)) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| super::pictures::picture(&super::pictures::from_base64(text))),
            _ => None,
        };
        let (Some(picture), Value::Object(id)) = (picture, value) else { return };
        self.state.note(*id, |object| {
            object.features.insert(Text::from("<image_width>"), Amount::Int(picture.width.into()));
            object.features.insert(Text::from("<image_height>"), Amount::Int(picture.height.into()));
            object.fields.insert(Text::from("<image_mode>"), Value::text(picture.mode));
        });
    }

    /// What a library brings in when something of it is used for the first time in the process: code, tables, buffers.
    /// Contracts say it as `retained` of `NAME.__first_use__`, where `NAME` is a callable, a kind or a module.
    pub(super) fn first_use(&mut self, name: &str) {
        if self.used.contains(name) {
            return;
        }
        self.used.insert(Text::from(name));
        let library = name.split('.').next().unwrap_or(name);
        for (_, brought) in BRINGS.iter().filter(|(known, _)| *known == library) {
            self.used.extend(brought.iter().map(|module| Text::from(format!("{module}.__first_use__"))));
        }
        if library == name {
            return;
        }
        let mut prefix = name;
        loop {
            let key = format!("{prefix}.__first_use__");
            let found = self.contracts.all(&key).first().map(|contract| (*contract).clone());
            if let Some(contract) = found
                && let Some(first) = contract.names.first()
                && self.used.insert(first.clone())
                && let Some(matched) = self.contracts.find(&key, &Bound { machine: self, values: BTreeMap::new() })
            {
                let applied = matched.apply(&Bound { machine: self, values: BTreeMap::new() });
                let resident: Amount = applied.retained.into();
                // Mapped code and the tables of modules: nothing that the program asks for.
                self.state.live.resident += resident.clone();
                self.state.other.resident += resident;
            }
            match prefix.rsplit_once('.') {
                Some((front, _)) => prefix = front,
                None => return,
            }
        }
    }

    fn by_contract(
        &mut self,
        name: &str,
        receiver: Option<&Value>,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let contracts = self.contracts;
        let names = match (receiver, name.rsplit_once('.')) {
            (Some(_), Some((kind, method))) => {
                let mut names: Vec<String> =
                    contracts.lineage(kind).iter().map(|kind| format!("{kind}.{method}")).collect();
                names.push(name.to_owned());
                names
            }
            _ => vec![name.to_owned()],
        };
        for name in names {
            let Some(parameters) = contracts.parameters(&name) else { continue };
            let bound = Bound::new(self, parameters, receiver, arguments);
            let Some(found) = contracts.find(&name, &bound) else { continue };
            let applied = found.apply(&bound);
            let (contract, range) = (found.contract, found.range(&bound));
            let values = bound.values;
            self.note_reach(contract, &range, node);
            let applied = self.with_ratios(contract, applied);
            return self.apply(applied, values, node).map(Some);
        }
        Ok(None)
    }

    /// What a call does, done.
    fn apply(&mut self, applied: Applied, values: BTreeMap<Text, Given>, node: &impl Ranged) -> Eval {
        let map = self.symbols_of(&applied, &values, node);
        let amount = |formula: &Formula| -> Amount {
            if map.is_empty() { formula.clone().into() } else { formula.substitute(&map).into() }
        };
        let peak = Bytes { requested: amount(&applied.peak), resident: amount(&applied.resident_peak) };
        self.state.peak_with(&peak);
        for name in &applied.raises {
            let _ = name;
        }
        let mut returned = Vec::new();
        for callback in &applied.calls {
            let function = values.get(&callback.parameter).and_then(Given::value).cloned();
            let Some(function) = function.filter(|function| *function != Value::NONE) else { continue };
            let times = match &callback.times {
                Some(times) => amount(times),
                None => {
                    self.quantity(node, "calls", UnknownKind::TripCount, "how often it is called is not known", None)
                }
            };
            let item = match callback.items.as_ref().and_then(|items| values.get(items)).and_then(Given::value).cloned()
            {
                Some(items) => match self.sample(&items) {
                    Some(Value::Plain(plain)) => vec![super::containers::blurred(&plain)],
                    Some(item) => vec![item],
                    None => Vec::new(),
                },
                None => values.get("args").map(Given::all).unwrap_or_default(),
            };
            let value =
                self.call_at_once(&function, item, &times, &amount(&callback.concurrency), callback.processes, node)?;
            returned.push((value, times));
        }
        let demand = amount(&applied.demand);
        let total = amount(&applied.result.total());
        self.state.demand += (demand - total).at_least_zero();
        for effect in &applied.effects {
            let target = values.get(&effect.path).and_then(Given::value).and_then(Value::object);
            let Some(id) = target else { continue };
            if effect.release {
                self.close(id);
            }
            let grown = Bytes { requested: amount(&effect.grow), resident: amount(&effect.touched) };
            if !grown.is_zero()
                && let Some(object) = self.state.object(id)
            {
                let own = &object.own + &grown;
                self.state.resize(id, own);
            }
            for (name, value) in &effect.set {
                let value = amount(value);
                self.state.note(id, |object| {
                    if &**name == "length" {
                        object.length = Some(value.clone());
                    }
                    object.features.insert(name.clone(), value);
                });
            }
            for held in &effect.holds {
                if let Some(held) = values.get(held).and_then(Given::value).and_then(Value::object) {
                    self.state.hold(&Value::Object(held));
                    self.state.note(id, |object| object.base.push(held));
                }
            }
        }
        let retained = amount(&applied.retained);
        if !retained.is_zero() {
            self.state.grow(&Bytes::touched(retained));
        }
        let unknown = matches!(applied.result, ResultValue::Unknown);
        match (returned.pop(), unknown) {
            (Some((value, times)), true) => Ok(self.many(Kind::List, times, value, node)),
            _ => {
                let value = self.result_value(&applied.result, &values, &map, node);
                let mode = values
                    .values()
                    .find_map(|given| self.state.object_of(given.value()?)?.fields.get("<image_mode>").cloned());
                if let (Some(mode), Value::Object(id)) = (mode, &value)
                    && self.state.object(*id).is_some_and(|object| !object.fields.contains_key("mode"))
                {
                    self.state.note(*id, |object| {
                        object.fields.insert(Text::from("mode"), mode);
                    });
                }
                Ok(value)
            }
        }
    }

    /// Runs a function as often as a library does, so many at a time.
    pub(super) fn call_at_once(
        &mut self,
        function: &Value,
        item: Vec<Value>,
        times: &Amount,
        concurrency: &Amount,
        processes: bool,
        node: &impl Ranged,
    ) -> Eval {
        let before = self.state.demand.clone();
        self.summing += 1;
        let (value, beside) = self.apart(|machine| machine.call_value(function, Arguments::positional(item), node));
        self.summing -= 1;
        let at_once = concurrency.min(times).max(&Amount::ONE);
        // The others at once with it, and the results of those that are done.
        let each = value.as_ref().map_or(Bytes::ZERO, |value| self.bytes_of(value));
        let others = (&at_once - &Amount::ONE).at_least_zero();
        let done = (times - &Amount::ONE).at_least_zero();
        self.state.peak_with(&(&(&beside + &beside.times(&others)) + &each.times(&done)));
        // The other calls ask for as much; their results are asked for where they are kept.
        let more = (&(&self.state.demand - &before) - &each.requested).at_least_zero();
        self.state.demand += more * done;
        if processes {
            self.child_processes(function, &at_once, &(&beside + &each), node);
        }
        value
    }

    /// Says what child processes take beside the handler's own: both count for the platform's limit.
    pub(super) fn child_processes(&mut self, function: &Value, count: &Amount, each: &Bytes, node: &impl Ranged) {
        let place = format!("{}:{}", self.file(), self.line(node));
        let name = match function {
            Value::Code(Code::Function(function, _)) => self.program.function(*function).qualified_name.clone(),
            _ => "a function".to_owned(),
        };
        let told = |amount: &Amount| match amount {
            Amount::Formula(formula) if formula.size() > 60 => "a long formula of".to_owned(),
            amount => amount.to_string(),
        };
        self.assume(format!(
            "child processes ({place}): {} at once, each with {} bytes for {name}; they are counted with the handler's own \
             memory, their interpreters (shared pages until written) are not",
            told(count),
            told(&each.resident)
        ));
    }

    /// Values and names for what a contract could not be told.
    fn symbols_of(
        &mut self,
        applied: &Applied,
        values: &BTreeMap<Text, Given>,
        node: &impl Ranged,
    ) -> BTreeMap<formula::Text, Formula> {
        let mut map = BTreeMap::new();
        for missing in &applied.missing {
            let hint = if missing.feature.is_empty() {
                missing.path.to_string()
            } else {
                format!("{}_{}", missing.path, missing.feature)
            };
            let hint = format!("{}_{hint}", self.hint(node));
            let cause = format!("the contract asks for the {} of {}", missing.feature, missing.path);
            // An array has at most as many different items as items.
            let most = if &*missing.feature == "distinct" { self.size_of(values, &missing.path) } else { None };
            let amount = self.quantity(node, &hint, UnknownKind::Size, &cause, most);
            map.insert(missing.symbol.clone(), amount.to_formula());
        }
        for external in &applied.externals {
            let noted = format!("<{}>", external.symbol);
            let of_argument = values.values().find_map(|given| {
                let object = self.state.object_of(given.value()?)?;
                object.features.get(noted.as_str()).cloned()
            });
            let given = of_argument.or_else(|| external.event.iter().find_map(|path| self.event_number(path)));
            let amount = match given {
                Some(amount) => amount,
                None => {
                    let cause = external.meaning.to_string();
                    let bounds = applied.bounds.get(&external.symbol).cloned().unwrap_or_default();
                    let (most, typical) = (bounds.most.map(Amount::from), bounds.typical.map(Amount::from));
                    self.typical_quantity(node, &external.symbol, &cause, most, typical)
                }
            };
            map.insert(external.symbol.clone(), amount.to_formula());
        }
        map
    }

    /// How many items an argument that is an array has.
    fn size_of(&self, values: &BTreeMap<Text, Given>, parameter: &str) -> Option<Amount> {
        let object = self.state.object_of(values.get(parameter)?.value()?)?;
        Some(Amount::product(object.shape.as_ref()?))
    }

    /// A number of the event by its path (`Records[0].s3.object.size`).
    fn event_number(&self, path: &str) -> Option<Amount> {
        let mut at = self.event.clone()?;
        for part in path.split('.') {
            let (name, index) = match part.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            let Plain::Dict(items) = &at else { return None };
            at = items.iter().find(|(key, _)| matches!(key, Plain::Str(key) if &**key == name))?.1.clone();
            if let Some(index) = index {
                let Plain::List(items) = &at else { return None };
                at = items.get(index)?.clone();
            }
        }
        match at {
            Plain::Int(int) => Some(Amount::from(&int)),
            _ => None,
        }
    }

    fn result_value(
        &mut self,
        result: &ResultValue,
        values: &BTreeMap<Text, Given>,
        map: &BTreeMap<formula::Text, Formula>,
        node: &impl Ranged,
    ) -> Value {
        let amount = |formula: &Formula| -> Amount {
            if map.is_empty() { formula.clone().into() } else { formula.substitute(map).into() }
        };
        let object = match result {
            ResultValue::None => return Value::NONE,
            ResultValue::Unknown => {
                return self.unknown(node, UnknownKind::Result, "the contract does not say what comes back");
            }
            ResultValue::Number { kind, value } => {
                let kind = match &**kind {
                    "bool" => NumberKind::Bool,
                    "float" | "complex" => NumberKind::Float,
                    _ => NumberKind::Int,
                };
                return Value::computed(kind, value.as_ref().map(amount));
            }
            ResultValue::Argument(path) if path.ends_with("[]") => {
                let of = values.get(path.trim_end_matches("[]")).and_then(Given::value).cloned();
                return match of.and_then(|of| self.sample(&of)) {
                    Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                    Some(item) => item,
                    None => self.unknown(node, UnknownKind::Result, "an item of something unknown"),
                };
            }
            ResultValue::Argument(name) => {
                return values.get(name).and_then(Given::value).cloned().unwrap_or(Value::NONE);
            }
            ResultValue::Object(object) => object,
        };
        let kind = match &*object.kind {
            "str" => Kind::Str {
                width: object
                    .features
                    .get("width")
                    .and_then(|width| amount(width).as_int())
                    .and_then(|width| u8::try_from(width).ok())
                    .unwrap_or(1),
            },
            "bytes" => Kind::Bytes,
            "bytearray" => Kind::ByteArray,
            "list" => Kind::List,
            "tuple" => Kind::Tuple,
            "set" => Kind::Set,
            "dict" => Kind::Dict,
            "iterator" => Kind::Iterator,
            other => Kind::Named(Text::from(other)),
        };
        let own = Bytes { requested: amount(&object.bytes), resident: amount(&object.touched) };
        let mut made = Object::new(kind, own);
        made.features = object.features.iter().map(|(name, value)| (name.clone(), amount(value))).collect();
        made.length = made.features.get("length").cloned();
        made.shape = object.shape.as_ref().map(|shape| shape.iter().map(amount).collect());
        for (name, text) in &object.texts {
            made.fields.insert(name.clone(), Value::text(text));
        }
        // Python's own kinds are as large as this version of Python makes them.
        if matches!(made.kind, Kind::Str { .. } | Kind::Bytes | Kind::ByteArray)
            && object.view_of.is_none()
            && made.length.is_some()
        {
            made.growth = Growth::Exact;
            made.own = self.own_for(&made);
        }
        for held in object.view_of.iter().chain(&object.holds) {
            made.base.extend(values.get(held).and_then(Given::value).and_then(Value::object));
        }
        match &object.content {
            Content::Opaque => {}
            Content::Items(items) => {
                made.length = Some(Amount::from(items.len()));
                for item in items {
                    let value = self.result_value(item, values, map, node);
                    made.entries.push(Entry { key: None, value, hash: None });
                }
            }
            Content::Keys(items) => {
                made.length = Some(Amount::from(items.len()));
                for (key, item) in items {
                    let value = self.result_value(item, values, map, node);
                    made.entries.push(Entry { key: Some(Value::text(key)), value, hash: None });
                }
            }
            Content::Many { length, item } => {
                let count = amount(length);
                let each = self.result_value(item, values, map, node);
                made.length = Some(count.clone());
                if made.kind == Kind::List && matches!(item, ResultValue::Argument(_)) {
                    // Items of an argument: shared.
                    return self.new_list_of(count, Some(each), node);
                }
                if made.kind == Kind::Iterator {
                    made.source = Some(std::rc::Rc::new(super::value::Source::Adapter(
                        super::value::Adapter::Count(count),
                        vec![each],
                    )));
                } else {
                    let bytes = self.bytes_of(&each);
                    let list = self.allocate(made, node);
                    if let Value::Object(id) = list {
                        if let Value::Object(sample) = &each {
                            self.state.hand_over(*sample, id);
                            let more = (&count - &Amount::ONE).at_least_zero();
                            self.state.add_payload(id, &Amount::ZERO, &bytes.times(&more));
                        } else {
                            self.state.add_payload(id, &Amount::ZERO, &bytes.times(&count));
                        }
                        self.state.note(id, |object| super::heap::rest_of(object).count = count);
                        self.set_sample(id, None, Some(each));
                    }
                    return list;
                }
            }
        }
        self.allocate(made, node)
    }

    /// Gives back what an object holds: `close()`.
    pub(super) fn close(&mut self, id: ObjectId) {
        let Some(object) = self.state.object(id) else { return };
        if let Kind::Named(name) = &object.kind
            && (name.starts_with("io.") || name.contains("file") || name.contains("PIL."))
            && !object.own.is_zero()
        {
            self.state.resize(id, Bytes::ZERO);
        }
    }

    // ---- arrays -------------------------------------------------------------------------------------------------------

    /// Whether a value is an array, so that operators work item by item.
    pub(super) fn is_array(&self, value: &Value) -> bool {
        self.state.object_of(value).is_some_and(|object| match &object.kind {
            Kind::Named(name) => &**name == ARRAY || self.contracts.lineage(name).iter().any(|kind| &**kind == ARRAY),
            _ => false,
        })
    }

    /// Whether a contract speaks of a method of a kind, or of a kind that it is based on.
    pub(super) fn has_method(&self, kind: &str, method: &str) -> bool {
        let lineage = self.contracts.lineage(kind);
        lineage
            .iter()
            .map(|kind| &**kind)
            .chain([kind])
            .any(|kind| !self.contracts.all(&format!("{kind}.{method}")).is_empty())
    }

    /// Whether a value is of a kind that has an operator by contract: a table, a series, a sparse matrix.
    pub(super) fn has_operator(&self, value: &Value, method: &str) -> bool {
        match self.state.object_of(value).map(|object| &object.kind) {
            Some(Kind::Named(kind)) => self.has_method(kind, method),
            _ => false,
        }
    }

    /// An operator of what a contract made.
    pub(super) fn operator_of_kind(
        &mut self,
        receiver: &Value,
        method: &str,
        others: &[Value],
        node: &impl Ranged,
    ) -> Eval {
        let Some(Kind::Named(kind)) = self.state.object_of(receiver).map(|object| object.kind.clone()) else {
            return Ok(Value::NONE);
        };
        let arguments = Arguments::positional(others.to_vec());
        let name = format!("{kind}.{method}");
        // numpy writes the result of arithmetic over an operand that nothing else holds.
        let other = others.first();
        for (operand, other) in [(Some(receiver), other), (other, Some(receiver))] {
            if let (Some(operand), Some(other)) = (operand, other)
                && self.is_elided(method, operand, other, operand == receiver)
            {
                if let Value::Object(id) = operand {
                    self.touch_all(*id);
                }
                return Ok(operand.clone());
            }
        }
        let made = self.call_contract(&name, Some(receiver), &arguments, node)?;
        if matches!(method, "__matmul__" | "__rmatmul__") {
            for operand in [Some(receiver), other].into_iter().flatten() {
                let copy = self.cast_copy(operand, &made);
                self.state.peak_with(&copy);
            }
        }
        Ok(made)
    }

    /// A matrix product goes over copies of operands that are not of the result's type.
    fn cast_copy(&self, operand: &Value, result: &Value) -> Bytes {
        let (Some(from), Some(to)) = (self.state.object_of(operand), self.state.object_of(result)) else {
            return Bytes::ZERO;
        };
        match (dtype_of(from), dtype_of(to), &from.shape, to.features.get("itemsize")) {
            (Some(old), Some(new), Some(shape), Some(each)) if old != new => {
                Bytes::touched(&Amount::product(shape) * each)
            }
            _ => Bytes::ZERO,
        }
    }

    /// Whether an operator writes its result over an operand. Source: numpy `_core/src/multiarray/temp_elide.c`: arrays
    /// of at least 256 KiB (`NPY_MIN_ELIDE_BYTES`) that are temporary, of the result's type and shape; the second
    /// operand only where the order does not matter. `fast_scalar_power` (`number.c`) does it for the powers of floats
    /// that have a function of their own.
    fn is_elided(&self, method: &str, operand: &Value, other: &Value, first: bool) -> bool {
        let commutes = matches!(method, "__add__" | "__mul__" | "__and__" | "__or__" | "__xor__");
        let is_power = method == "__pow__"
            && match quick(other) {
                Some(Quick::Int(power)) => matches!(power, -1..=2),
                Some(Quick::Float(power)) => [-1.0, 0.0, 0.5, 1.0, 2.0].contains(&power),
                None => false,
            };
        let elides = commutes
            || is_power
            || matches!(method, "__sub__" | "__truediv__" | "__floordiv__" | "__lshift__" | "__rshift__");
        if !elides || !(first || commutes) {
            return false;
        }
        let Some(object) = self.state.object_of(operand).filter(|object| object.refs == 0 && object.base.is_empty())
        else {
            return false;
        };
        if !self.is_array(operand) || object.own.requested.as_int().is_none_or(|bytes| bytes < 256 << 10) {
            return false;
        }
        let Some(own) = dtype_of(object) else { return false };
        let float = own.starts_with("float") || own.starts_with("complex");
        if matches!(method, "__truediv__" | "__pow__") && !float {
            return false;
        }
        match other {
            Value::Plain(Plain::Int(_)) => own != "bool",
            Value::Number(number) if number.kind == NumberKind::Int => own != "bool",
            Value::Plain(Plain::Float(_)) | Value::Float(_) | Value::Number(_) => float,
            Value::Object(_) => self.state.object_of(other).is_some_and(|other| {
                dtype_of(other).is_some_and(|other| other == own)
                    && match (&other.shape, &object.shape) {
                        // What is broadcast is not written over, though it could be.
                        (Some(other), Some(shape)) => other == shape || other.is_empty(),
                        _ => false,
                    }
            }),
            _ => false,
        }
    }

    /// `array[index]`: a view, a copy, or a number.
    pub(super) fn index_array(&mut self, receiver: &Value, index: &'p Ast, node: &'p ast::ExprSubscript) -> Eval {
        let parts: Vec<&'p Ast> = match index {
            Ast::Tuple(tuple) => tuple.elts.iter().collect(),
            other => vec![other],
        };
        let Some(object) = self.state.object_of(receiver).cloned() else { return Ok(Value::NONE) };
        let shape = object.shape.clone();
        let mut dims: Vec<Amount> = Vec::new();
        let mut at = 0;
        let mut copy = false;
        let mut lost = shape.is_none();
        let given = parts.iter().filter(|part| !is_new_axis(part) && !matches!(part, Ast::EllipsisLiteral(_))).count();
        for part in parts {
            let dim = shape.as_ref().and_then(|shape| shape.get(at)).cloned();
            match part {
                Ast::Slice(slice) => {
                    let [start, stop, step] = self.slice_bounds(slice)?;
                    match dim {
                        Some(dim) => {
                            let length = self.slice_length(&dim, start.as_ref(), stop.as_ref(), step.as_ref(), node);
                            dims.push(length);
                        }
                        None => lost = true,
                    }
                    at += 1;
                }
                part if is_new_axis(part) => dims.push(Amount::ONE),
                Ast::EllipsisLiteral(_) => {
                    if let Some(shape) = &shape {
                        let skipped = (shape.len() + 1).saturating_sub(given + 1);
                        dims.extend(shape.iter().skip(at).take(skipped).cloned());
                        at += skipped;
                    }
                }
                other => {
                    let value = self.expression(other)?;
                    if self.is_array(&value) {
                        copy = true;
                        let of = self.state.object_of(&value).cloned();
                        let mask =
                            of.as_ref().and_then(|of| of.features.get("itemsize")).and_then(Amount::as_int) == Some(1);
                        match of.and_then(|of| of.shape) {
                            Some(index) if mask => {
                                let most = Amount::product(&index);
                                let hint = format!("len_{}", self.hint(node));
                                let cause = "how many items the mask selects is not known";
                                let half = most.floor_div(&Amount::Int(2));
                                dims.push(self.typical_quantity(node, &hint, cause, Some(most), half));
                                at += index.len();
                            }
                            Some(index) => {
                                dims.extend(index);
                                at += 1;
                            }
                            None => lost = true,
                        }
                    } else if matches!(self.type_name(&value).as_deref(), Some("list")) {
                        copy = true;
                        dims.push(self.length(&value, node).unwrap_or(Amount::ONE));
                        at += 1;
                    } else {
                        at += 1;
                    }
                    self.state.settle(&value);
                }
            }
        }
        if lost {
            return Ok(self.unknown(node, UnknownKind::Result, "a part of an array whose shape is not known"));
        }
        if let Some(shape) = &shape {
            dims.extend(shape.iter().skip(at).cloned());
        }
        if dims.is_empty() {
            let float = object.features.get("itemsize").and_then(Amount::as_int) != Some(1);
            return Ok(Value::number(if float { NumberKind::Float } else { NumberKind::Int }));
        }
        let size = Amount::product(&dims);
        let itemsize = object.features.get("itemsize").cloned().unwrap_or(Amount::Int(8));
        let mut made = Object::new(object.kind.clone(), Bytes::touched(Amount::Int(112)));
        if copy {
            made.own += &Bytes::touched(&size * &itemsize);
        } else {
            made.base.extend(receiver.object());
        }
        made.features = object.features.clone();
        for (name, value) in [("size", size.clone()), ("nbytes", size * itemsize)] {
            if let Some(slot) = made.features.get_mut(name) {
                *slot = value;
            }
        }
        made.length = dims.first().cloned();
        made.shape = Some(dims);
        made.fields = object
            .fields
            .iter()
            .filter(|(_, value)| !Self::holds_object(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Ok(self.allocate(made, node))
    }

    // ---- attributes ---------------------------------------------------------------------------------------------------

    /// An attribute that the object's sizes say, or that a contract speaks of.
    pub(super) fn known_attribute(&mut self, id: ObjectId, name: &str, node: &impl Ranged) -> Option<Value> {
        if !matches!(self.state.object(id)?.kind, Kind::Named(_)) {
            return None;
        }
        let object = self.state.object(id)?.clone();
        if let Kind::Named(kind) = &object.kind {
            if name == "shape"
                && let Some(shape) = &object.shape
            {
                let items = shape.iter().map(|dim| Value::int(dim.clone())).collect();
                return Some(self.tuple_of(items, node));
            }
            if name == "size"
                && let (Some(width), Some(height)) = (object.features.get("width"), object.features.get("height"))
                && object.shape.is_none()
            {
                let items = vec![Value::int(width.clone()), Value::int(height.clone())];
                return Some(self.tuple_of(items, node));
            }
            if let Some(shape) = &object.shape {
                let size = Amount::product(shape);
                match name {
                    "size" => return Some(Value::int(size)),
                    "ndim" => return Some(Value::int(Amount::from(shape.len()))),
                    "nbytes" => {
                        let itemsize = object.features.get("itemsize").cloned().unwrap_or(Amount::Int(8));
                        return Some(Value::int(size * itemsize));
                    }
                    _ => {}
                }
            }
            if let Some(value) = object.features.get(name) {
                return Some(Value::int(value.clone()));
            }
            let qualified = format!("{kind}.{name}");
            let attribute = self
                .contracts
                .lineage(kind)
                .iter()
                .map(|kind| format!("{kind}.{name}"))
                .chain([qualified])
                .find(|name| self.contracts.all(name).iter().any(|contract| contract.attribute));
            if let Some(attribute) = attribute {
                let receiver = Value::Object(id);
                if let Ok(Some(value)) = self.by_contract(&attribute, Some(&receiver), &Arguments::default(), node) {
                    return Some(value);
                }
            }
        }
        None
    }
}

/// What is passed for a parameter.
enum Given {
    /// One value.
    One(Value),
    /// The values of `*args`.
    All(Vec<Value>),
}

impl Given {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::One(value) => Some(value),
            Self::All(values) => values.first(),
        }
    }

    fn all(&self) -> Vec<Value> {
        match self {
            Self::One(value) => vec![value.clone()],
            Self::All(values) => values.clone(),
        }
    }
}

/// The arguments of a call as a contract asks for them.
struct Bound<'m, 'p> {
    machine: &'m Machine<'p>,
    values: BTreeMap<Text, Given>,
}

impl<'m, 'p> Bound<'m, 'p> {
    fn new(
        machine: &'m Machine<'p>,
        parameters: &contracts::Parameters,
        receiver: Option<&Value>,
        arguments: &Arguments,
    ) -> Self {
        let mut values: BTreeMap<Text, Given> = BTreeMap::new();
        if let Some(receiver) = receiver {
            values.insert(Text::from("self"), Given::One(receiver.clone()));
        }
        for (index, value) in arguments.positional.iter().enumerate() {
            let Some((_, name)) = parameters.positional(index) else { continue };
            // `*args` gives paths such as `args[2]`.
            match name.split_once('[') {
                Some((rest, _)) => match values.entry(Text::from(rest)).or_insert_with(|| Given::All(Vec::new())) {
                    Given::All(all) => all.push(value.clone()),
                    Given::One(_) => {}
                },
                None => {
                    values.insert(name, Given::One(value.clone()));
                }
            }
        }
        for (keyword, value) in &arguments.keywords {
            if parameters.keyword(keyword).is_some() {
                values.insert(keyword.clone(), Given::One(value.clone()));
            }
        }
        Self { machine, values }
    }

    /// The value that a path leads to.
    fn at(&self, path: &str) -> Option<Value> {
        let (name, mut rest) = match path.find('[') {
            Some(at) => (&path[..at], &path[at..]),
            None => (path, ""),
        };
        let given = self.values.get(name)?;
        let mut value = None;
        while let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']')?;
            let index = &inner[..end];
            rest = &inner[end + 1..];
            value = Some(match (&value, given) {
                (None, Given::All(all)) => match index.parse::<usize>() {
                    Ok(index) => all.get(index)?.clone(),
                    Err(_) => all.last()?.clone(),
                },
                (None, Given::One(one)) => self.part(one, index)?,
                (Some(value), _) => self.part(value, index)?,
            });
        }
        match (value, given) {
            (Some(value), _) => Some(value),
            (None, Given::One(one)) => Some(one.clone()),
            // All that is passed for `*args` together is no value.
            (None, Given::All(_)) => None,
        }
    }

    fn part(&self, value: &Value, index: &str) -> Option<Value> {
        let index = index.parse::<usize>().ok();
        match value {
            Value::Plain(plain) => {
                let at = |length: usize| index.or_else(|| length.checked_sub(1));
                let item = match plain {
                    Plain::List(items) | Plain::Tuple(items) => items.get(at(items.len())?).cloned(),
                    // As of an object: what a dict holds, not its keys.
                    Plain::Dict(entries) => entries.get(at(entries.len())?).map(|(_, value)| value.clone()),
                    other => {
                        let items = other.elements(10_000)?;
                        items.get(at(items.len())?).cloned()
                    }
                };
                item.map(Value::Plain)
            }
            Value::Object(id) => {
                let object = self.machine.state.object(*id)?;
                if let Some(known) = &object.known {
                    return self
                        .part(&Value::Plain(known.clone()), &index.map(|at| at.to_string()).unwrap_or_default());
                }
                match index {
                    Some(index) if object.apart() => object.entries.get(index).map(|entry| entry.value.clone()),
                    _ => object
                        .rest
                        .as_ref()
                        .and_then(|rest| rest.value.clone())
                        .or_else(|| object.entries.last().map(|entry| entry.value.clone())),
                }
            }
            _ => None,
        }
    }
}

impl contracts::Arguments for Bound<'_, '_> {
    fn kind(&self, path: &str) -> Option<Text> {
        let value = self.at(path)?;
        if matches!(value, Value::Plain(Plain::None)) {
            return Some(Text::from("NoneType"));
        }
        if let Value::Code(Code::External(_)) = value {
            return None;
        }
        self.machine.type_name(&value)
    }

    fn given(&self, parameter: &str) -> bool {
        self.values.contains_key(parameter)
    }

    fn literal(&self, path: &str) -> Option<Plain> {
        self.machine.plain(&self.at(path)?)
    }

    fn reference(&self, path: &str) -> Option<Text> {
        match self.at(path)? {
            Value::Code(Code::External(name)) => Some(name),
            _ => None,
        }
    }

    fn number(&self, path: &str) -> Option<Formula> {
        let value = self.at(path)?;
        match &value {
            Value::Plain(plain) => {
                super::machine::amount_of_plain(plain, self.machine).map(|amount| amount.to_formula())
            }
            Value::Number(number) => number.amount.as_ref().map(Amount::to_formula),
            Value::Input(path) => Some(Formula::symbol(path)),
            _ => None,
        }
    }

    fn feature(&self, path: &str, feature: &str) -> Option<Formula> {
        if let Some(Given::All(all)) = self.values.get(path)
            && feature == "length"
        {
            return Some(Formula::integer(all.len()));
        }
        let value = self.at(path)?;
        match (&value, feature) {
            (Value::Plain(plain), "length") => plain.iterations().map(Formula::integer),
            (Value::Plain(Plain::Str(text)), "width") => Some(Formula::integer(super::sizes::width_of(text))),
            (Value::Plain(plain), "bytes") => Some(self.machine.sizes.deep(plain).requested.to_formula()),
            (Value::Input(path), "length") => Some(Formula::symbol(&format!("len({path})"))),
            (Value::Number(_) | Value::Float(_), "bytes") => Some(Formula::integer(32)),
            (Value::Object(id), _) => {
                let object = self.machine.state.object(*id)?;
                match feature {
                    "length" => match &object.length {
                        Some(length) => Some(length.to_formula()),
                        None => object.features.get("length").map(Amount::to_formula),
                    },
                    "width" => match object.kind {
                        Kind::Str { width } => Some(Formula::integer(width)),
                        _ => object.features.get("width").map(Amount::to_formula),
                    },
                    "bytes" => Some(self.machine.state.deep(*id).requested.to_formula()),
                    "size" => object
                        .features
                        .get("size")
                        .map(Amount::to_formula)
                        .or_else(|| Some(Amount::product(object.shape.as_ref()?).to_formula())),
                    other => object.features.get(other).map(Amount::to_formula),
                }
            }
            _ => None,
        }
    }

    fn text(&self, path: &str, feature: &str) -> Option<Text> {
        let value = self.at(path)?;
        match self.machine.state.object_of(&value)?.fields.get(feature)? {
            Value::Plain(Plain::Str(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn shape(&self, path: &str) -> Option<Vec<Formula>> {
        let value = self.at(path)?;
        self.shape_of(&value, 0)
    }
}

impl Bound<'_, '_> {
    fn shape_of(&self, value: &Value, depth: usize) -> Option<Vec<Formula>> {
        match value {
            Value::Plain(plain @ (Plain::List(_) | Plain::Tuple(_))) => {
                let mut shape = vec![Formula::integer(plain.iterations()?)];
                if let Some(first) = plain.elements(100_000)?.first()
                    && depth < 8
                    && let Some(inner) = self.shape_of(&Value::Plain(first.clone()), depth + 1)
                {
                    shape.extend(inner);
                }
                Some(shape)
            }
            Value::Plain(Plain::Int(_) | Plain::Float(_) | Plain::Bool(_)) | Value::Number(_) | Value::Float(_) => {
                Some(Vec::new())
            }
            Value::Object(id) => {
                let object = self.machine.state.object(*id)?;
                if let Some(shape) = &object.shape {
                    return Some(shape.iter().map(Amount::to_formula).collect());
                }
                if let Some(known) = &object.known {
                    return self.shape_of(&Value::Plain(known.clone()), depth);
                }
                if !matches!(object.kind, Kind::List | Kind::Tuple) || depth >= 8 {
                    return None;
                }
                let mut shape = vec![object.length.as_ref()?.to_formula()];
                let item = match &object.rest {
                    Some(rest) if rest.value.is_some() => rest.value.clone(),
                    _ => object.entries.last().map(|entry| entry.value.clone()),
                };
                if let Some(inner) = item.and_then(|item| self.shape_of(&item, depth + 1)) {
                    shape.extend(inner);
                }
                Some(shape)
            }
            _ => None,
        }
    }
}

/// `None` in an index, by either of its names.
fn is_new_axis(part: &Ast) -> bool {
    match part {
        Ast::NoneLiteral(_) => true,
        Ast::Attribute(attribute) => attribute.attr.as_str() == "newaxis",
        Ast::Name(name) => name.id.as_str() == "newaxis",
        _ => false,
    }
}

/// Functions of the standard library that take next to nothing, and give back something small.
fn is_small(name: &str) -> bool {
    const MODULES: &[&str] = &[
        "abc.",
        "argparse.",
        "asyncio.",
        "calendar.",
        "contextlib.",
        "contextvars.",
        "datetime.",
        "decimal.",
        "enum.",
        "fractions.",
        "getpass.",
        "inspect.",
        "locale.",
        "logging.",
        "operator.",
        "platform.",
        "random.",
        "secrets.",
        "signal.",
        "socket.gethostname",
        "statistics.",
        "sys.",
        "time.",
        "timeit.",
        "traceback.",
        "types.",
        "typing.",
        "unittest.",
        "uuid.",
        "warnings.",
        "weakref.",
        "gc.",
        "resource.",
        "threading.",
        "aws_xray_sdk.",
    ];
    const EXCEPTIONS: &[&str] = &["Error", "Exception", "Warning", "Interrupt", "Exit", "StopIteration"];
    MODULES.iter().any(|module| name.starts_with(module))
        || (!name.contains('.') && EXCEPTIONS.iter().any(|end| name.ends_with(end)))
        || matches!(
            name,
            "super"
                | "object"
                | "property"
                | "input"
                | "slice"
                | "globals"
                | "locals"
                | "vars"
                | "dir"
                | "breakpoint"
                | "complex"
        )
}

/// The type of an array's items.
fn dtype_of(object: &Object) -> Option<&str> {
    object.fields.get("dtype")?.as_text()
}
