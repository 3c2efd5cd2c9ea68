//! Random numbers: in loops, where many of them are drawn, numbers drawn here stand for those of the program.
//!
//! What a search in a random graph takes follows from which vertices are drawn, and is nearly the same for each draw. One
//! number that is drawn once may be anything: it stays unknown, between its bounds.

use ruff_text_size::Ranged;

use crate::expression::Value as Plain;

use super::amount::Amount;
use super::calls::Arguments;
use super::machine::{Flow, Machine};
use super::unknown::UnknownKind;
use super::value::{Kind, NumberKind, Value};

impl<'p> Machine<'p> {
    /// The next number: SplitMix64 (Steele, Lea and Flood, 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An int that stands for one of a container that is not told apart.
    pub(super) fn drawn(&mut self, id: super::value::ObjectId, at: Option<i128>, place: Option<i128>) -> Option<Value> {
        let spreads = self.state.object(id)?.spread.clone()?;
        let spread = match (spreads.as_slice(), at) {
            ([one], _) => one.as_ref()?,
            (many, Some(at)) => many.get(usize::try_from(at).ok()?)?.as_ref()?,
            _ => return None,
        };
        let random = self.next_random();
        Some(Value::Plain(Plain::int(spread.draw(place, random))))
    }

    fn random_unit(&mut self) -> f64 {
        (self.next_random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from 0 up to but not including a bound.
    fn random_below(&mut self, bound: i128) -> i128 {
        if bound <= 0 { 0 } else { i128::from(self.next_random()) % bound }
    }

    /// Whether what is drawn may stand for what the program draws.
    fn draws_many(&self) -> bool {
        self.repeated > 0
    }

    /// A function of `random`, or a method of `random.Random`.
    pub(super) fn random_call(
        &mut self,
        function: &str,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        const DRAWN: &str = "random numbers in loops are drawn by the prediction: memory is that of a typical run";
        let first = arguments.positional.first().cloned();
        Ok(Some(match function {
            "random" => self.random_float(0.0, 1.0),
            "uniform" | "triangular" => {
                let bound = |machine: &mut Self, at: usize, name: &str| {
                    let value = arguments.get(at, name).cloned();
                    value.and_then(|value| match super::expressions::quick(&value) {
                        Some(super::expressions::Quick::Int(int)) => Some(int as f64),
                        Some(super::expressions::Quick::Float(float)) => Some(float),
                        None => {
                            let _ = &machine;
                            None
                        }
                    })
                };
                match (bound(self, 0, "a"), bound(self, 1, "b")) {
                    (Some(low), Some(high)) => self.random_float(low, high),
                    _ => Value::number(NumberKind::Float),
                }
            }
            "gauss" | "normalvariate" | "expovariate" | "lognormvariate" | "betavariate" | "gammavariate"
            | "paretovariate" | "vonmisesvariate" | "weibullvariate" => Value::number(NumberKind::Float),
            "randrange" | "randint" => {
                let bounds: Vec<Option<Amount>> =
                    arguments.positional.clone().iter().map(|value| self.amount(value, node)).collect();
                let (low, high) = match (function, bounds.as_slice()) {
                    ("randrange", [Some(stop)]) => (Amount::ZERO, stop - &Amount::ONE),
                    ("randrange", [Some(start), Some(stop), ..]) => (start.clone(), stop - &Amount::ONE),
                    (_, [Some(low), Some(high), ..]) => (low.clone(), high.clone()),
                    _ => return Ok(Some(Value::number(NumberKind::Int))),
                };
                match (&low, &high) {
                    (Amount::Int(low), Amount::Int(high)) if self.draws_many() => {
                        self.assume(DRAWN);
                        let drawn = low + self.random_below(high - low + 1);
                        Value::int(Amount::Int(drawn))
                    }
                    _ => {
                        let cause = "a random number";
                        let hint = format!("random_{}", self.line(node));
                        let more = self.quantity(node, &hint, UnknownKind::Size, cause, Some(&high - &low));
                        Value::computed(NumberKind::Int, Some(low + more))
                    }
                }
            }
            "getrandbits" => match first.and_then(|bits| self.amount(&bits, node)).and_then(|bits| bits.as_int()) {
                Some(bits @ 0..=64) if self.draws_many() => {
                    let drawn = i128::from(self.next_random()) & ((1_i128 << bits) - 1);
                    Value::int(Amount::Int(drawn))
                }
                _ => Value::number(NumberKind::Int),
            },
            "choice" => {
                let Some(items) = first else { return Ok(None) };
                let length = self.length(&items, node).and_then(|length| length.as_int());
                match length {
                    Some(length) if length > 0 && self.draws_many() => {
                        self.assume(DRAWN);
                        let at = self.random_below(length);
                        self.item(&items, &Value::int(Amount::Int(at)), node)?
                    }
                    _ => match self.sample(&items) {
                        Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                        Some(value) => value.kept(),
                        None => self.unknown(node, UnknownKind::Result, "one of something unknown"),
                    },
                }
            }
            "choices" | "sample" => {
                let Some(items) = first else { return Ok(None) };
                let count = match (function, arguments.keyword("k").or_else(|| arguments.positional.get(1)).cloned()) {
                    ("choices", _) if arguments.keyword("k").is_none() => Amount::ONE,
                    (_, Some(count)) => self.amount(&count, node).unwrap_or(Amount::ONE),
                    _ => Amount::ONE,
                };
                return self.draw_list(&items, &count, node).map(Some);
            }
            "randbytes" => {
                let length = first.and_then(|length| self.amount(&length, node)).unwrap_or(Amount::ZERO);
                self.new_bytes(length, node)
            }
            "seed" | "setstate" => Value::NONE,
            _ => return Ok(None),
        }))
    }

    fn random_float(&mut self, low: f64, high: f64) -> Value {
        if self.draws_many() {
            Value::Float(low + (high - low) * self.random_unit())
        } else {
            Value::number(NumberKind::Float)
        }
    }

    /// A list of so many items of something: numbers of a range are new, items of a container are shared.
    fn draw_list(&mut self, items: &Value, count: &Amount, node: &impl Ranged) -> Result<Value, Flow> {
        let Some(many) = count.as_usize().filter(|many| *many <= 10_000) else {
            let item = match self.sample(items) {
                Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                Some(value) => value.kept(),
                None => Value::number(NumberKind::Int),
            };
            let is_range = matches!(items, Value::Plain(Plain::Range(..)))
                || self.state.object_of(items).is_some_and(|object| object.kind == Kind::Iterator);
            let item = if is_range { Value::number(NumberKind::Int) } else { item };
            return Ok(self.many(Kind::List, count.clone(), item, node));
        };
        let length = self.length(items, node).and_then(|length| length.as_int()).unwrap_or(1);
        let list = self.new_container(Kind::List, node);
        let Value::Object(id) = list else { return Ok(list) };
        self.state.keep(&list);
        self.steps += u64::try_from(many / 8).unwrap_or(0);
        for _ in 0..many {
            let at = self.random_below(length);
            let item = match self.range_item(items, at) {
                Some(item) => item,
                None => self.item(items, &Value::int(Amount::Int(at)), node).unwrap_or(Value::NONE),
            };
            self.push_item(id, None, item, node);
        }
        self.state.unkeep(&list);
        Ok(list)
    }

    /// A number of a range by its place.
    fn range_item(&self, range: &Value, at: i128) -> Option<Value> {
        match self.state.object_of(range)?.source.as_deref()? {
            super::value::Source::Range(Amount::Int(start), Amount::Int(step), _) => {
                Some(Value::int(Amount::Int(start + step * at)))
            }
            _ => None,
        }
    }

    /// `random.shuffle(items)`
    pub(super) fn shuffle(&mut self, items: &Value) {
        let Value::Object(id) = items else { return };
        self.thaw(*id);
        let length = self.state.object(*id).map_or(0, |object| object.entries.len());
        self.steps += u64::try_from(length / 8).unwrap_or(0);
        let mut swaps = Vec::with_capacity(length);
        for at in (1..length).rev() {
            let other = usize::try_from(self.random_below(i128::try_from(at + 1).unwrap_or(1))).unwrap_or(0);
            swaps.push((at, other));
        }
        self.state.note(*id, |object| {
            object.index.clear();
            for (at, other) in swaps {
                object.entries.swap(at, other);
            }
        });
    }
}
