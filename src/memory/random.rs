//! Random numbers. A generator whose seed is known gives the program's own numbers (the Mersenne Twister, as CPython
//! seeds it and draws from it); in loops, where many are drawn, numbers drawn here stand for those of any other.
//!
//! What a search in a random graph takes follows from which vertices are drawn, and is nearly the same for each draw. One
//! number of an unknown seed that is drawn once may be anything: it stays unknown, between its bounds.

use std::collections::BTreeSet;
use std::f64::consts::{SQRT_2, TAU};
use std::rc::Rc;

use num_traits::ToPrimitive;
use rand_mt::Mt;
use ruff_text_size::Ranged;
use sha2::Digest;

use crate::expression::Value as Plain;

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::expressions::quick;
use super::machine::{Flow, Machine};
use super::unknown::UnknownKind;
use super::value::{Kind, NumberKind, ObjectId, Value};

/// Who draws: an object of `random.Random`, or the module itself.
pub(super) type Generator = Option<ObjectId>;

/// A generator whose seed is known (`Modules/_randommodule.c`, `Lib/random.py`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Twister {
    words: Mt,
    /// The second of two numbers that `gauss` made at a time.
    next_gauss: Option<f64>,
}

impl Twister {
    /// The generator that `Random(seed)` is: of an int by its absolute value in words of 32 bits, of a text or bytes by
    /// them and their SHA-512. Floats and other seeds go by their hash: None.
    fn seeded(seed: &Plain) -> Option<Self> {
        let mut key = match seed {
            Plain::Int(int) => int.magnitude().to_u32_digits(),
            Plain::Bool(bit) => vec![u32::from(*bit)],
            Plain::Str(text) => words_of(text.as_bytes()),
            Plain::Bytes(bytes) => words_of(bytes),
            _ => return None,
        };
        if key.is_empty() {
            key.push(0);
        }
        Some(Self { words: Mt::new_with_key(key), next_gauss: None })
    }

    /// `random()`: 53 bits.
    fn unit(&mut self) -> f64 {
        let (a, b) = (self.words.next_u32() >> 5, self.words.next_u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// `getrandbits(bits)` of at most 128 bits.
    fn bits(&mut self, bits: u32) -> u128 {
        let mut number = 0;
        let mut done = 0;
        while done < bits {
            let word = self.words.next_u32() >> (32 - (bits - done).min(32));
            number |= u128::from(word) << done;
            done += 32;
        }
        number
    }

    /// `_randbelow_with_getrandbits(bound)`
    fn below(&mut self, bound: u128) -> u128 {
        let bits = u128::BITS - bound.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < bound {
                return number;
            }
        }
    }
}

/// `int.from_bytes(data + sha512(data).digest(), "big")` in words of 32 bits, the least one first.
fn words_of(data: &[u8]) -> Vec<u32> {
    let digest = sha2::Sha512::digest(data);
    num_bigint::BigUint::from_bytes_be(&[data, &digest].concat()).to_u32_digits()
}

/// How several items are drawn at once.
enum Draw {
    /// `choices`, by weights added up where there are some.
    Choices(Option<Vec<f64>>),
    /// `sample`
    Sample,
}

/// Whether `sample` makes a list of all: it is smaller than a set of those that are drawn.
fn is_drawn_from_list(length: usize, many: usize) -> bool {
    let set = if many > 5 { 4_f64.powf(((many * 3) as f64).log(4.0).ceil()) } else { 0.0 };
    length as f64 <= 21.0 + set
}

impl<'p> Machine<'p> {
    /// The next number where the seed is not known: SplitMix64 (Steele, Lea and Flood, 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An int that stands for one of a container that is not told apart.
    pub(super) fn drawn(&mut self, id: ObjectId, at: Option<i128>, place: Option<i128>) -> Option<Value> {
        let spreads = self.state.object(id)?.spread.clone()?;
        let spread = match (spreads.as_slice(), at) {
            ([one], _) => one.as_ref()?,
            (many, Some(at)) => many.get(usize::try_from(at).ok()?)?.as_ref()?,
            _ => return None,
        };
        let random = self.next_random();
        Some(Value::Plain(Plain::int(spread.draw(place, random))))
    }

    /// A generator gets its seed. Without one that is known, nothing is known of its numbers.
    pub(super) fn seed(&mut self, of: Generator, arguments: &Arguments) {
        let seed = arguments.get(0, "x").or_else(|| arguments.keyword("a")).cloned();
        match seed.and_then(|seed| Twister::seeded(&self.plain(&seed)?)) {
            Some(twister) => drop(self.state.generators.insert(of, Rc::new(twister))),
            None => self.lose(of),
        }
    }

    /// Nothing is known of a generator's numbers any more.
    fn lose(&mut self, of: Generator) {
        self.state.generators.remove(&of);
    }

    fn twister(&mut self, of: Generator) -> Option<&mut Twister> {
        self.state.generators.get_mut(&of).map(Rc::make_mut)
    }

    fn random_unit(&mut self, of: Generator) -> f64 {
        match self.twister(of) {
            Some(twister) => twister.unit(),
            None => (self.next_random() >> 11) as f64 / (1_u64 << 53) as f64,
        }
    }

    /// A number from 0 up to but not including a bound.
    fn random_below(&mut self, of: Generator, bound: i128) -> i128 {
        let Some(bound) = u128::try_from(bound).ok().filter(|bound| *bound > 0) else { return 0 };
        let number = match self.twister(of) {
            Some(twister) => twister.below(bound),
            None => u128::from(self.next_random()) % bound,
        };
        i128::try_from(number).unwrap_or(0)
    }

    fn random_place(&mut self, of: Generator, length: usize) -> usize {
        usize::try_from(self.random_below(of, length as i128)).unwrap_or(0)
    }

    /// Whether what is drawn is what the program draws, or may stand for it.
    fn draws(&mut self, of: Generator) -> bool {
        let is_seeded = self.state.generators.contains_key(&of);
        if !is_seeded && self.repeated > 0 {
            self.assume("random numbers in loops are drawn by the prediction: memory is that of a typical run");
        }
        is_seeded || self.repeated > 0
    }

    /// A function of `random`, or a method of `random.Random`.
    pub(super) fn random_call(
        &mut self,
        of: Generator,
        function: &str,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let first = arguments.positional.first().cloned();
        Ok(Some(match function {
            "random" | "uniform" | "triangular" | "gauss" | "normalvariate" | "lognormvariate" | "expovariate"
            | "paretovariate" | "weibullvariate" => self.distribution(of, function, arguments),
            "betavariate" | "gammavariate" | "vonmisesvariate" => {
                // How many numbers these draw follows from the numbers.
                self.lose(of);
                Value::number(NumberKind::Float)
            }
            "randrange" | "randint" => self.random_int(of, function, arguments, node),
            "getrandbits" => match first.and_then(|bits| self.amount(&bits, node)).and_then(|bits| bits.as_int()) {
                Some(bits @ 0..=126) if self.draws(of) => {
                    let bits = u32::try_from(bits).unwrap_or(0);
                    let number = match self.twister(of) {
                        Some(twister) => twister.bits(bits),
                        None => u128::from(self.next_random()) & ((1 << bits) - 1),
                    };
                    Value::int(Amount::Int(i128::try_from(number).unwrap_or(0)))
                }
                _ => {
                    self.lose(of);
                    Value::number(NumberKind::Int)
                }
            },
            "choice" => {
                let Some(items) = first else { return Ok(None) };
                let length = self.length(&items, node).and_then(|length| length.as_int());
                match length {
                    Some(length) if length > 0 && self.draws(of) => {
                        let at = self.random_below(of, length);
                        self.item(&items, &Value::int(Amount::Int(at)), node)?
                    }
                    _ => {
                        self.lose(of);
                        match self.sample(&items) {
                            Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                            Some(value) => value.kept(),
                            None => self.unknown(node, UnknownKind::Result, "one of something unknown"),
                        }
                    }
                }
            }
            "choices" | "sample" => {
                let Some(items) = first else { return Ok(None) };
                let count = match (function, arguments.keyword("k").or_else(|| arguments.positional.get(1)).cloned()) {
                    ("choices", _) if arguments.keyword("k").is_none() => Amount::ONE,
                    (_, Some(count)) => self.amount(&count, node).unwrap_or(Amount::ONE),
                    _ => Amount::ONE,
                };
                let draw = if function == "sample" { Some(Draw::Sample) } else { self.choices(arguments) };
                return self.draw_list(of, &items, &count, draw, node).map(Some);
            }
            "randbytes" => {
                let length = first.and_then(|length| self.amount(&length, node)).unwrap_or(Amount::ZERO);
                match (length.as_usize(), self.twister(of)) {
                    (Some(length), Some(twister)) => {
                        for _ in 0..length.div_ceil(4) {
                            twister.words.next_u32();
                        }
                    }
                    _ => self.lose(of),
                }
                self.new_bytes(length, node)
            }
            "shuffle" => {
                if let Some(items) = first {
                    self.shuffle(of, &items);
                }
                Value::NONE
            }
            "seed" => {
                self.seed(of, arguments);
                Value::NONE
            }
            "setstate" => {
                self.lose(of);
                Value::NONE
            }
            _ => return Ok(None),
        }))
    }

    /// Floats of a distribution, as `Lib/random.py` makes them of numbers from 0 to 1.
    fn distribution(&mut self, of: Generator, function: &str, arguments: &Arguments) -> Value {
        if !self.draws(of) {
            return Value::number(NumberKind::Float);
        }
        let (names, defaults) = match function {
            "uniform" => (["a", "b"], [None, None]),
            "triangular" => (["low", "high"], [Some(0.0), Some(1.0)]),
            "expovariate" => (["lambd", ""], [Some(1.0), Some(0.0)]),
            "paretovariate" => (["alpha", ""], [None, Some(0.0)]),
            "weibullvariate" => (["alpha", "beta"], [None, None]),
            _ => (["mu", "sigma"], [Some(0.0), Some(1.0)]),
        };
        let number = |at: usize, name: &str| Some(quick(arguments.get(at, name)?)?.float());
        let parameter = |at: usize| match arguments.get(at, names[at]) {
            Some(_) => number(at, names[at]),
            None => defaults[at],
        };
        let (a, b) = (parameter(0), parameter(1));
        // Numbers are drawn whether the parameters are known or not.
        let (x, y) = (a.unwrap_or(0.0), b.unwrap_or(1.0));
        let drawn = match function {
            "random" => self.random_unit(of),
            "uniform" => x + (y - x) * self.random_unit(of),
            "triangular" => {
                let (unit, mode) = (self.random_unit(of), number(2, "mode"));
                let middle = mode.map_or(0.5, |mode| (mode - x) / (y - x));
                if unit > middle {
                    y + (x - y) * ((1.0 - unit) * (1.0 - middle)).sqrt()
                } else {
                    x + (y - x) * (unit * middle).sqrt()
                }
            }
            "gauss" => x + self.gauss(of) * y,
            "normalvariate" => x + self.normal(of) * y,
            "lognormvariate" => (x + self.normal(of) * y).exp(),
            "expovariate" => -(1.0 - self.random_unit(of)).ln() / x,
            "paretovariate" => (1.0 - self.random_unit(of)).powf(-1.0 / x),
            _ => x * (-(1.0 - self.random_unit(of)).ln()).powf(1.0 / y),
        };
        if a.is_some() && b.is_some() { Value::Float(drawn) } else { Value::number(NumberKind::Float) }
    }

    /// Of a pair of numbers the first, and the second the next time (Box and Muller).
    fn gauss(&mut self, of: Generator) -> f64 {
        if let Some(next) = self.twister(of).and_then(|twister| twister.next_gauss.take()) {
            return next;
        }
        let angle = self.random_unit(of) * TAU;
        let radius = (-2.0 * (1.0 - self.random_unit(of)).ln()).sqrt();
        if let Some(twister) = self.twister(of) {
            twister.next_gauss = Some(angle.sin() * radius);
        }
        angle.cos() * radius
    }

    /// Kinderman and Monahan's way.
    fn normal(&mut self, of: Generator) -> f64 {
        let magic = 4.0 * (-0.5_f64).exp() / SQRT_2;
        loop {
            let first = self.random_unit(of);
            let second = 1.0 - self.random_unit(of);
            let z = magic * (first - 0.5) / second;
            if z * z / 4.0 <= -second.ln() {
                return z;
            }
        }
    }

    /// `randrange(start, stop, step)`, `randint(a, b)`
    fn random_int(&mut self, of: Generator, function: &str, arguments: &Arguments, node: &impl Ranged) -> Value {
        let names = if function == "randint" { ["a", "b", ""] } else { ["start", "stop", "step"] };
        let given: Vec<Option<Value>> = (0..3).map(|at| arguments.get(at, names[at]).cloned()).collect();
        let amounts: Vec<Option<Amount>> =
            given.iter().map(|value| value.as_ref().and_then(|value| self.amount(value, node))).collect();
        let [first, second, step] = amounts.as_slice() else { return Value::number(NumberKind::Int) };
        let (low, high) = match (function, first, second) {
            ("randint", Some(low), Some(high)) => (low.clone(), high.clone()),
            ("randrange", Some(start), Some(stop)) => (start.clone(), stop - &Amount::ONE),
            ("randrange", Some(stop), None) => (Amount::ZERO, stop - &Amount::ONE),
            _ => {
                self.lose(of);
                return Value::number(NumberKind::Int);
            }
        };
        let step = step.as_ref().map_or(Some(1), Amount::as_int);
        match (&low, &high, step) {
            (Amount::Int(low), Amount::Int(high), Some(step @ 1..)) if self.draws(of) => {
                let steps = (high - low + step).div_euclid(step);
                Value::int(Amount::Int(low + step * self.random_below(of, steps)))
            }
            _ => {
                self.lose(of);
                let cause = "a random number";
                let hint = format!("random_{}", self.line(node));
                let more = self.quantity(node, &hint, UnknownKind::Size, cause, Some(&high - &low));
                Value::computed(NumberKind::Int, Some(low + more))
            }
        }
    }

    /// How `choices` draws: None where there are weights that are not known.
    fn choices(&mut self, arguments: &Arguments) -> Option<Draw> {
        let is_given = |value: &&Value| !matches!(value, Value::Plain(Plain::None));
        let weights = arguments.get(1, "weights").filter(is_given).cloned();
        let summed = arguments.keyword("cum_weights").filter(is_given).cloned();
        let Some(given) = weights.as_ref().or(summed.as_ref()) else { return Some(Draw::Choices(None)) };
        let (Plain::List(items) | Plain::Tuple(items)) = self.plain(given)? else { return None };
        let mut sums = Vec::with_capacity(items.len());
        let mut sum = 0.0;
        for item in items.iter() {
            let item = match item {
                Plain::Int(int) => int.to_f64()?,
                Plain::Float(float) => *float,
                _ => return None,
            };
            sum = if weights.is_some() { sum + item } else { item };
            sums.push(sum);
        }
        Some(Draw::Choices(Some(sums)))
    }

    /// A list of so many items of something: numbers of a range are new, items of a container are shared.
    fn draw_list(
        &mut self,
        of: Generator,
        items: &Value,
        count: &Amount,
        draw: Option<Draw>,
        node: &impl Ranged,
    ) -> Result<Value, Flow> {
        let length = self.length(items, node).and_then(|length| length.as_usize());
        let many = count.as_usize().filter(|many| self.looks_at(*many, 10_000));
        let (Some(many), Some(length), Some(draw)) = (many, length.filter(|length| *length > 0), draw) else {
            self.lose(of);
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
        // What is there beside the list, while it is made.
        let (places, beside) = match draw {
            Draw::Choices(None) => (self.drawn_choices(of, length, many, None), Bytes::ZERO),
            Draw::Choices(Some(sums)) => {
                let added_up = self.sizes.float().times(&Amount::from(length));
                let list = self.sizes.list_exact(&Amount::from(length));
                (self.drawn_choices(of, length, many, Some(&sums)), &list + &added_up)
            }
            Draw::Sample if is_drawn_from_list(length, many) => {
                let places = self.drawn_from_list(of, length, many);
                (places, self.sizes.list_exact(&Amount::from(length)))
            }
            Draw::Sample => {
                let numbers = self.sizes.int(None).times(count);
                (self.drawn_apart(of, length, many), &self.sizes.set(count) + &numbers)
            }
        };
        let list = self.new_container(Kind::List, node);
        let Value::Object(id) = list else { return Ok(list) };
        self.state.keep(&list);
        self.steps += u64::try_from(many / 8).unwrap_or(0);
        for at in places {
            let at = at as i128;
            let item = match self.range_item(items, at) {
                Some(item) => item,
                None => self.item(items, &Value::int(Amount::Int(at)), node).unwrap_or(Value::NONE),
            };
            self.push_item(id, None, item, node);
        }
        self.state.transient(&beside);
        self.state.unkeep(&list);
        Ok(list)
    }

    fn drawn_choices(&mut self, of: Generator, length: usize, many: usize, sums: Option<&[f64]>) -> Vec<usize> {
        let last = length - 1;
        let total = sums.and_then(|sums| sums.last().copied()).unwrap_or(length as f64);
        let place = |unit: f64| match sums {
            Some(sums) => sums.partition_point(|sum| *sum <= unit * total),
            None => (unit * total) as usize,
        };
        (0..many).map(|_| place(self.random_unit(of)).min(last)).collect()
    }

    /// `sample`, from a list of all: what was drawn is replaced by the last one.
    fn drawn_from_list(&mut self, of: Generator, length: usize, many: usize) -> Vec<usize> {
        let mut pool: Vec<usize> = (0..length).collect();
        let drawn = (0..many.min(length)).map(|done| {
            let at = self.random_place(of, length - done);
            pool.swap_remove(at)
        });
        drawn.collect()
    }

    /// `sample`, with a set of those that were drawn already.
    fn drawn_apart(&mut self, of: Generator, length: usize, many: usize) -> Vec<usize> {
        let mut drawn = BTreeSet::new();
        let mut next = || loop {
            let at = self.random_place(of, length);
            if drawn.insert(at) {
                return at;
            }
        };
        (0..many.min(length)).map(|_| next()).collect()
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
    fn shuffle(&mut self, of: Generator, items: &Value) {
        let Value::Object(id) = items else { return };
        self.thaw(*id);
        let Some(object) = self.state.object(*id) else { return };
        let (length, is_apart) = (object.entries.len(), object.apart());
        self.steps += u64::try_from(length / 8).unwrap_or(0);
        let swaps: Vec<(usize, usize)> = (1..length).rev().map(|at| (at, self.random_place(of, at + 1))).collect();
        if !is_apart {
            self.lose(of);
        }
        self.state.note(*id, |object| {
            object.index.clear();
            for (at, other) in swaps {
                object.entries.swap(at, other);
            }
        });
    }
}
