//! Shapes: the named rules that contracts derive the shape of a result by.
//!
//! A rule that does not know a shape's dimensions still gives the number of elements where it can. Depends on
//! `formula`, and on [`super::apply::Call`] for what arguments are.

use num_traits::ToPrimitive;

use super::apply::Call;
use super::rule::Rule;
use crate::expression::Value;
use crate::formula::{Comparison, Condition, Formula};

/// A shape, or the number of elements alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The dimensions, if their number is known.
    pub dimensions: Option<Vec<Formula>>,
    /// How many elements.
    pub size: Formula,
}

impl Shape {
    /// A shape of known dimensions.
    pub fn of(dimensions: Vec<Formula>) -> Self {
        let size = Formula::product(dimensions.iter().cloned());
        Self { dimensions: Some(dimensions), size }
    }

    fn sized(size: Formula) -> Self {
        Self { dimensions: None, size }
    }
}

/// The rules, with their parameters, for messages and the documentation.
pub const RULES: &[(&str, usize, usize, &str)] = &[
    ("argument", 1, 1, "the shape that an argument spells: an integer or a tuple of integers"),
    ("same", 1, 1, "the argument's own shape"),
    ("broadcast", 1, 8, "all shapes broadcast together"),
    ("matmul", 2, 2, "the matrix product"),
    ("dot", 2, 2, "numpy.dot"),
    ("outer", 2, 2, "the sizes of both"),
    ("kron", 2, 2, "the product of the shapes"),
    ("solve", 2, 2, "numpy.linalg.solve: as the right side"),
    ("reduce", 1, 3, "without the axis: reduce(a, axis, keepdims)"),
    ("without_axis", 2, 2, "without the axis; flat without one (argsort, cumsum)"),
    ("transpose", 1, 2, "axes turned round, or in the order given"),
    ("swapaxes", 3, 3, "two axes exchanged"),
    ("moveaxis", 3, 3, "an axis at another place"),
    ("reshape", 2, 2, "in the shape given, -1 computed"),
    ("flat", 1, 1, "one dimension"),
    ("concatenate", 2, 2, "joined along an axis"),
    ("stack", 2, 2, "joined along a new axis"),
    ("vstack", 1, 1, "joined as rows"),
    ("hstack", 1, 1, "joined as columns"),
    ("column_stack", 1, 1, "1-d arrays as columns"),
    ("repeat", 3, 3, "elements repeated"),
    ("tile", 2, 2, "the array repeated"),
    ("expand", 2, 2, "a dimension of 1 more"),
    ("squeeze", 1, 2, "without dimensions of 1"),
    ("diagonal", 1, 1, "numpy.diag: a matrix of a vector, a vector of a matrix"),
    ("arange", 3, 3, "numpy.arange(start, stop, step)"),
    ("pad", 2, 2, "an array with a border"),
    ("diff", 2, 3, "one less along the axis: diff(a, n, axis)"),
    ("take", 3, 3, "elements by index along an axis"),
    ("append_axis", 3, 3, "numpy.append/insert: append(a, values, axis)"),
    ("last", 2, 2, "the last dimension replaced: last(a, n)"),
    ("real_fft", 1, 3, "half of the last dimension, and one: real_fft(a, n, axis)"),
    ("image", 1, 1, "height, width and bands of an image"),
    ("pairs", 1, 1, "as many rows as elements (nonzero)"),
    ("inner", 2, 2, "numpy.inner"),
    ("scalar", 0, 0, "no dimensions"),
];

impl Call<'_> {
    /// The shape of a value at a path; its size alone where that is all that is known.
    pub(super) fn shape_at(&self, path: &str) -> Shape {
        if let Some(dimensions) = self.arguments.shape(path) {
            return Shape::of(dimensions);
        }
        let kind = self.arguments.kind(path);
        match kind.as_deref() {
            Some("int" | "float" | "bool" | "complex") => return Shape::of(Vec::new()),
            Some("list" | "tuple" | "range") => return Shape::of(vec![self.feature(path, "length")]),
            _ => {}
        }
        if self
            .arguments
            .literal(path)
            .is_some_and(|value| matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_)))
        {
            return Shape::of(Vec::new());
        }
        Shape::sized(self.feature(path, "size"))
    }

    /// A shape by a rule.
    pub(super) fn shape_of(&self, rule: &Rule) -> Shape {
        let (name, arguments) = match rule {
            Rule::Word(word) => return self.shape_at(word.strip_suffix(".shape").unwrap_or(word)),
            Rule::Quoted(_) => return Shape::of(Vec::new()),
            Rule::Integer(number) => return Shape::of(vec![Formula::from(*number)]),
            Rule::Call(name, arguments) => (&**name, arguments.as_slice()),
        };
        let shape = |n: usize| arguments.get(n).map_or_else(|| Shape::of(Vec::new()), |rule| self.shape_of(rule));
        let first = || shape(0);
        match name {
            "scalar" => Shape::of(Vec::new()),
            "same" => first(),
            "argument" => self.spelled(arguments.first()),
            "broadcast" => (1..arguments.len()).fold(first(), |left, n| broadcast(&left, &shape(n))),
            "matmul" => matmul(&first(), &shape(1)),
            "dot" => dot(&first(), &shape(1)),
            "inner" => inner(&first(), &shape(1)),
            "outer" => Shape::of(vec![first().size, shape(1).size]),
            "kron" => kron(&first(), &shape(1)),
            "solve" => shape(1),
            "reduce" => self.reduce(&first(), arguments.get(1), arguments.get(2)),
            "without_axis" => {
                if self.axes(arguments.get(1)) == Axes::All {
                    Shape::of(vec![first().size])
                } else {
                    first()
                }
            }
            "transpose" => self.transpose(first(), arguments.get(1)),
            "swapaxes" => self.swapped(first(), arguments.get(1), arguments.get(2)),
            "moveaxis" => self.moved(first(), arguments.get(1), arguments.get(2)),
            "reshape" => self.reshape(&first(), arguments.get(1)),
            "flat" => Shape::of(vec![first().size]),
            "concatenate" => {
                self.joined(arguments.first(), |shapes| self.concatenate(shapes, self.axes(arguments.get(1))))
            }
            "stack" => self.joined(arguments.first(), |shapes| self.stack(shapes, self.axes(arguments.get(1)))),
            "vstack" => self.joined(arguments.first(), |shapes| {
                self.concatenate(Joined { shape: two_dimensional(shapes.shape, true), ..shapes }, Axes::Some(vec![0]))
            }),
            "hstack" => self.joined(arguments.first(), |shapes| {
                let axis = if shapes.shape.dimensions.as_ref().is_some_and(|d| d.len() == 1) { 0 } else { 1 };
                self.concatenate(shapes, Axes::Some(vec![axis]))
            }),
            "column_stack" => self.joined(arguments.first(), |shapes| {
                self.concatenate(Joined { shape: two_dimensional(shapes.shape, false), ..shapes }, Axes::Some(vec![1]))
            }),
            "repeat" => self.repeat(&first(), arguments.get(1), arguments.get(2)),
            "tile" => self.tile(&first(), arguments.get(1)),
            "expand" => self.expand(first(), arguments.get(1)),
            "squeeze" => squeeze(first()),
            "diagonal" => diagonal(&first()),
            "arange" => self.arange(arguments),
            "pad" => self.pad(first(), arguments.get(1)),
            "diff" => self.diff(first(), arguments.get(1), arguments.get(2)),
            "take" => self.take(&first(), &shape(1), arguments.get(2)),
            "append_axis" => match self.axes(arguments.get(2)) {
                Axes::All => Shape::of(vec![first().size + shape(1).size]),
                axes => {
                    along(first(), &axes, |extent, at| match shape(1).dimensions.as_ref().and_then(|d| d.get(at)) {
                        Some(other) => extent + other,
                        None => extent + &Formula::one(),
                    })
                }
            },
            "last" => {
                let n = self.amount(arguments.get(1));
                along(first(), &Axes::Some(vec![-1]), |_, _| n.clone())
            }
            "real_fft" => {
                let axes = match arguments.get(2) {
                    Some(rule) => self.axes(Some(rule)),
                    None => Axes::Some(vec![-1]),
                };
                along(first(), &axes, |extent, _| &extent.floor_div(&Formula::from(2)) + &Formula::one())
            }
            "image" => self.image(arguments.first()),
            "pairs" => Shape::of(vec![first().size]),
            _ => first(),
        }
    }

    fn path(rule: Option<&Rule>) -> &str {
        rule.and_then(Rule::word).unwrap_or_default()
    }

    /// A number: of a parameter, or an integer in the rule.
    fn amount(&self, rule: Option<&Rule>) -> Formula {
        match rule {
            Some(Rule::Integer(number)) => Formula::from(*number),
            Some(Rule::Word(word)) => self.symbol(word),
            _ => Formula::zero(),
        }
    }

    /// A shape that is spelled by an argument.
    fn spelled(&self, rule: Option<&Rule>) -> Shape {
        let path = Self::path(rule);
        match self.numbers(path) {
            Some(numbers) => Shape::of(numbers),
            None => Shape::sized(self.missing(path, "size")),
        }
    }

    /// The integers of an argument: one, or those of a tuple or list.
    pub(super) fn numbers(&self, path: &str) -> Option<Vec<Formula>> {
        let kind = self.arguments.kind(path);
        match self.literal(path) {
            Some(Value::Int(number)) => return Some(vec![Formula::integer(number)]),
            Some(Value::Tuple(items) | Value::List(items)) => {
                let number = |item: &Value| match item {
                    Value::Int(number) => Some(Formula::integer(number.clone())),
                    _ => None,
                };
                return items.iter().map(number).collect();
            }
            Some(Value::Float(_) | Value::None | Value::Str(_) | Value::Bool(_)) => return None,
            _ => {}
        }
        if matches!(kind.as_deref(), Some("tuple" | "list")) {
            let length = self.arguments.feature(path, "length")?.as_number()?.to_integer().to_usize()?;
            if length > MOST_DIMENSIONS {
                return None;
            }
            return (0..length).map(|n| self.arguments.number(&format!("{path}[{n}]"))).collect();
        }
        // `reshape(2, 3)`: all positional arguments together.
        if kind.is_none() && self.contract.is_rest(path) {
            let mut found = Vec::new();
            while found.len() < MOST_DIMENSIONS {
                let item = format!("{path}[{}]", found.len());
                match self.arguments.number(&item) {
                    Some(number) => found.push(number),
                    None if found.is_empty() => return self.numbers_of_item(&item),
                    None if self.arguments.kind(&item).is_some() => return None,
                    None => break,
                }
            }
            return Some(found).filter(|found| !found.is_empty());
        }
        self.arguments.number(path).map(|number| vec![number])
    }

    fn numbers_of_item(&self, item: &str) -> Option<Vec<Formula>> {
        // A tuple as the only positional argument: `reshape((2, 3))`.
        if matches!(self.arguments.kind(item).as_deref(), Some("tuple" | "list")) || self.literal(item).is_some() {
            return self.numbers(item);
        }
        None
    }

    /// The axes that an argument names.
    fn axes(&self, rule: Option<&Rule>) -> Axes {
        let path = match rule {
            None => return Axes::All,
            Some(Rule::Integer(number)) => return Axes::Some(vec![*number]),
            Some(rule) => Self::path(Some(rule)),
        };
        match self.literal(path) {
            Some(Value::None) => Axes::All,
            Some(Value::Int(number)) => number.to_i64().map_or(Axes::Unknown, |number| Axes::Some(vec![number])),
            Some(Value::Tuple(items) | Value::List(items)) => {
                let number = |item: &Value| match item {
                    Value::Int(number) => number.to_i64(),
                    _ => None,
                };
                items.iter().map(number).collect::<Option<Vec<i64>>>().map_or(Axes::Unknown, Axes::Some)
            }
            Some(_) => Axes::Unknown,
            None if !self.arguments.given(path) => Axes::All,
            None => match self
                .arguments
                .number(path)
                .as_ref()
                .and_then(|n| n.as_number())
                .and_then(|n| n.to_integer().to_i64())
            {
                Some(number) => Axes::Some(vec![number]),
                None => Axes::Unknown,
            },
        }
    }

    fn flag(&self, rule: Option<&Rule>) -> bool {
        rule.is_some_and(|rule| self.literal(Self::path(Some(rule))).is_some_and(|value| value.is_true()))
    }

    fn reduce(&self, shape: &Shape, axis: Option<&Rule>, keep: Option<&Rule>) -> Shape {
        let keep = self.flag(keep);
        let axes = self.axes(axis);
        let Some(dimensions) = &shape.dimensions else {
            return match axes {
                Axes::All if !keep => Shape::of(Vec::new()),
                Axes::All => Shape::sized(Formula::one()),
                // What is left is not more than there was.
                Axes::Some(_) | Axes::Unknown => shape.clone(),
            };
        };
        let named = match &axes {
            Axes::All => (0..dimensions.len()).collect(),
            Axes::Some(_) => axes.indices(dimensions.len()),
            Axes::Unknown => return Shape::sized(shape.size.clone()),
        };
        let mut rest = Vec::new();
        for (n, extent) in dimensions.iter().enumerate() {
            match (named.contains(&n), keep) {
                (false, _) => rest.push(extent.clone()),
                (true, true) => rest.push(Formula::one()),
                (true, false) => {}
            }
        }
        Shape::of(rest)
    }

    fn transpose(&self, shape: Shape, axes: Option<&Rule>) -> Shape {
        let Some(dimensions) = &shape.dimensions else { return shape };
        let order = axes.and_then(|rule| {
            let path = Self::path(Some(rule));
            if self.contract.is_rest(path) || self.arguments.given(path) {
                let numbers = self.numbers(path)?;
                numbers.iter().map(|n| n.as_number().and_then(|n| n.to_integer().to_i64())).collect::<Option<Vec<_>>>()
            } else {
                None
            }
        });
        match order {
            Some(order) if order.len() == dimensions.len() => {
                let indices = Axes::Some(order).indices(dimensions.len());
                Shape::of(indices.iter().filter_map(|n| dimensions.get(*n).cloned()).collect())
            }
            _ => Shape::of(dimensions.iter().rev().cloned().collect()),
        }
    }

    fn swapped(&self, shape: Shape, a: Option<&Rule>, b: Option<&Rule>) -> Shape {
        let Some(mut dimensions) = shape.dimensions.clone() else { return shape };
        let (a, b) = (self.axes(a).indices(dimensions.len()), self.axes(b).indices(dimensions.len()));
        match (a.as_slice(), b.as_slice()) {
            ([a], [b]) => {
                dimensions.swap(*a, *b);
                Shape::of(dimensions)
            }
            _ => Shape::sized(shape.size),
        }
    }

    fn moved(&self, shape: Shape, from: Option<&Rule>, to: Option<&Rule>) -> Shape {
        let Some(mut dimensions) = shape.dimensions.clone() else { return shape };
        let (from, to) = (self.axes(from).indices(dimensions.len()), self.axes(to).indices(dimensions.len()));
        match (from.as_slice(), to.as_slice()) {
            ([from], [to]) => {
                let extent = dimensions.remove(*from);
                dimensions.insert(*to, extent);
                Shape::of(dimensions)
            }
            _ => Shape::sized(shape.size),
        }
    }

    fn reshape(&self, shape: &Shape, spelled: Option<&Rule>) -> Shape {
        let Some(mut numbers) = self.numbers(Self::path(spelled)) else {
            return Shape::sized(shape.size.clone());
        };
        let minus = Formula::from(-1);
        let open: Vec<usize> = (0..numbers.len()).filter(|n| numbers[*n] == minus).collect();
        if let [open] = open.as_slice() {
            let others = Formula::product(numbers.iter().filter(|number| **number != minus).cloned());
            numbers[*open] = if others == Formula::one() {
                shape.size.clone()
            } else if let Some(dimensions) = &shape.dimensions {
                cancel(dimensions, numbers.iter().filter(|number| **number != minus), &others)
            } else {
                &shape.size / &others
            };
        }
        let size = shape.size.clone();
        Shape { dimensions: Some(numbers), size }
    }

    fn joined(&self, rule: Option<&Rule>, join: impl FnOnce(Joined) -> Shape) -> Shape {
        let path = Self::path(rule);
        let count = self.feature(path, "length");
        let known = count.as_number().and_then(|n| n.to_integer().to_usize()).filter(|n| *n <= MOST_JOINED);
        let single: Vec<Shape> = known
            .map(|n| (0..n).map(|n| format!("{path}[{n}]")).collect::<Vec<_>>())
            .filter(|paths| {
                paths.iter().all(|path| self.arguments.kind(path).is_some() || self.arguments.shape(path).is_some())
            })
            .map(|paths| paths.iter().map(|path| self.shape_at(path)).collect())
            .unwrap_or_default();
        let shape = single.first().cloned().unwrap_or_else(|| self.shape_at(&format!("{path}[]")));
        join(Joined { shape, single, count })
    }

    fn concatenate(&self, joined: Joined, axes: Axes) -> Shape {
        let Joined { shape, single, count } = joined;
        let size = if single.is_empty() { &shape.size * &count } else { single.iter().map(|s| s.size.clone()).sum() };
        if axes == Axes::All {
            return Shape::of(vec![size]);
        }
        let Some(dimensions) = &shape.dimensions else { return Shape::sized(size) };
        let [at] = axes.indices(dimensions.len())[..] else { return Shape::sized(size) };
        let mut dimensions = dimensions.clone();
        let extent = |shape: &Shape| match shape.dimensions.as_ref() {
            Some(all) if all.len() == dimensions.len() => all.get(at).cloned(),
            // A vector as a row or a column of a matrix.
            Some(all) if all.len() == 1 => Some(Formula::one()),
            _ => None,
        };
        let total: Option<Formula> =
            if single.is_empty() { None } else { single.iter().map(extent).sum::<Option<Formula>>() };
        let Some(slot) = dimensions.get_mut(at) else { return Shape::sized(size) };
        *slot = total.unwrap_or_else(|| &*slot * &count);
        Shape::of(dimensions)
    }

    fn stack(&self, joined: Joined, axes: Axes) -> Shape {
        let Joined { shape, single, count } = joined;
        let size = if single.is_empty() { &shape.size * &count } else { single.iter().map(|s| s.size.clone()).sum() };
        let (Some(dimensions), Axes::Some(axes)) = (shape.dimensions, axes) else { return Shape::sized(size) };
        let [at] = Axes::Some(axes).indices(dimensions.len() + 1)[..] else { return Shape::sized(size) };
        let mut dimensions = dimensions;
        dimensions.insert(at, count);
        Shape::of(dimensions)
    }

    fn repeat(&self, shape: &Shape, times: Option<&Rule>, axis: Option<&Rule>) -> Shape {
        let times = self.amount(times);
        match self.axes(axis) {
            Axes::All => Shape::of(vec![&shape.size * &times]),
            axes => along(shape.clone(), &axes, |extent, _| extent * &times),
        }
    }

    fn tile(&self, shape: &Shape, times: Option<&Rule>) -> Shape {
        let Some(times) = self.numbers(Self::path(times)) else {
            return Shape::sized(&shape.size * &self.missing(Self::path(times), "size"));
        };
        let size = &shape.size * &Formula::product(times.iter().cloned());
        let Some(dimensions) = &shape.dimensions else { return Shape::sized(size) };
        let length = dimensions.len().max(times.len());
        let at = |list: &[Formula], n: usize| {
            (n + list.len()).checked_sub(length).and_then(|n| list.get(n)).cloned().unwrap_or_else(Formula::one)
        };
        Shape::of((0..length).map(|n| at(dimensions, n) * at(&times, n)).collect())
    }

    fn expand(&self, shape: Shape, axis: Option<&Rule>) -> Shape {
        let Some(mut dimensions) = shape.dimensions.clone() else { return shape };
        let Axes::Some(axes) = self.axes(axis) else { return Shape::sized(shape.size) };
        let mut at = Axes::Some(axes.clone()).indices(dimensions.len() + axes.len());
        at.sort_unstable();
        for n in at {
            if n <= dimensions.len() {
                dimensions.insert(n, Formula::one());
            }
        }
        Shape::of(dimensions)
    }

    fn arange(&self, arguments: &[Rule]) -> Shape {
        let given = |n: usize| arguments.get(n).is_some_and(|rule| self.arguments.given(Self::path(Some(rule))));
        let amount = |n: usize| self.amount(arguments.get(n));
        let (start, stop) = if given(1) && self.literal(Self::path(arguments.get(1))) != Some(Value::None) {
            (amount(0), amount(1))
        } else {
            (Formula::zero(), amount(0))
        };
        let length = &stop - &start;
        let length = if given(2) { (&length / &amount(2)).ceil() } else { length.ceil() };
        let length = if length.is_nonnegative() { length } else { at_least_zero(length) };
        Shape::of(vec![length])
    }

    fn pad(&self, shape: Shape, width: Option<&Rule>) -> Shape {
        let path = Self::path(width);
        let two = Formula::from(2);
        let literal = self.literal(path);
        match (&shape.dimensions, literal) {
            (Some(dimensions), Some(Value::Tuple(items) | Value::List(items))) => {
                let integer = |value: &Value| match value {
                    Value::Int(number) => Some(Formula::integer(number.clone())),
                    _ => None,
                };
                let pair = |value: &Value| match value {
                    Value::Int(number) => Some(Formula::integer(number.clone()) * two.clone()),
                    Value::Tuple(pair) | Value::List(pair) => pair.iter().map(integer).sum::<Option<Formula>>(),
                    _ => None,
                };
                let nested = items.iter().any(|item| matches!(item, Value::Tuple(_) | Value::List(_)));
                let widths: Option<Vec<Formula>> = if nested {
                    items.iter().map(pair).collect()
                } else {
                    items.iter().map(integer).sum::<Option<Formula>>().map(|both| vec![both])
                };
                let Some(widths) = widths else { return Shape::sized(self.missing(path, "size")) };
                let width = |n: usize| widths.get(n).or(widths.last()).cloned().unwrap_or_else(Formula::zero);
                Shape::of(dimensions.iter().enumerate().map(|(n, extent)| extent + &width(n)).collect())
            }
            (Some(dimensions), _) => match self.arguments.number(path) {
                Some(width) => Shape::of(dimensions.iter().map(|extent| extent + &(&two * &width)).collect()),
                None => Shape::sized(self.missing(path, "size")),
            },
            (None, _) => shape,
        }
    }

    fn diff(&self, shape: Shape, times: Option<&Rule>, axis: Option<&Rule>) -> Shape {
        let times = self.amount(times);
        let axes = match axis {
            Some(rule) => self.axes(Some(rule)),
            None => Axes::Some(vec![-1]),
        };
        along(shape, &axes, |extent, _| at_least_zero(extent - &times))
    }

    fn take(&self, shape: &Shape, indices: &Shape, axis: Option<&Rule>) -> Shape {
        match self.axes(axis) {
            Axes::All => indices.clone(),
            axes => match (&shape.dimensions, &indices.dimensions) {
                (Some(dimensions), Some(inserted)) => match axes.indices(dimensions.len())[..] {
                    [at] => {
                        let mut result = dimensions[..at].to_vec();
                        result.extend(inserted.iter().cloned());
                        result.extend(dimensions.iter().skip(at + 1).cloned());
                        Shape::of(result)
                    }
                    _ => Shape::sized(shape.size.clone()),
                },
                _ => Shape::sized(shape.size.clone()),
            },
        }
    }

    fn image(&self, rule: Option<&Rule>) -> Shape {
        let path = Self::path(rule);
        let (height, width, bands) =
            (self.feature(path, "height"), self.feature(path, "width"), self.feature(path, "bands"));
        if bands == Formula::one() {
            return Shape::of(vec![height, width]);
        }
        Shape::of(vec![height, width, bands])
    }
}

/// More dimensions than numpy has.
const MOST_DIMENSIONS: usize = 64;
/// Arrays that are joined one by one; more of them are taken to be alike.
const MOST_JOINED: usize = 64;

/// Which axes an argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Axes {
    /// No axis given: all of them, flattened.
    All,
    Some(Vec<i64>),
    Unknown,
}

impl Axes {
    /// From 0, those that exist.
    fn indices(&self, dimensions: usize) -> Vec<usize> {
        let count = i64::try_from(dimensions).unwrap_or(i64::MAX);
        match self {
            Self::Some(axes) => {
                let index = |axis: &i64| usize::try_from(if *axis < 0 { axis + count } else { *axis }).ok();
                axes.iter().filter_map(index).filter(|n| *n < dimensions).collect()
            }
            Self::All | Self::Unknown => Vec::new(),
        }
    }
}

/// Arrays to be joined: a typical one, all of them where they are told apart, how many.
struct Joined {
    shape: Shape,
    single: Vec<Shape>,
    count: Formula,
}

fn at_least_zero(formula: Formula) -> Formula {
    Formula::max(vec![formula, Formula::zero()])
}

/// One dimension changed; without dimensions the size stands.
fn along(shape: Shape, axes: &Axes, change: impl Fn(&Formula, usize) -> Formula) -> Shape {
    let Some(mut dimensions) = shape.dimensions.clone() else { return shape };
    for at in axes.indices(dimensions.len()) {
        if let Some(extent) = dimensions.get_mut(at) {
            *extent = change(extent, at);
        }
    }
    Shape::of(dimensions)
}

fn broadcast(a: &Shape, b: &Shape) -> Shape {
    let (Some(left), Some(right)) = (&a.dimensions, &b.dimensions) else {
        let scalar = |shape: &Shape| shape.dimensions.as_ref().is_some_and(Vec::is_empty);
        return if scalar(a) {
            b.clone()
        } else if scalar(b) || a.size == b.size {
            a.clone()
        } else {
            Shape::sized(Formula::max(vec![a.size.clone(), b.size.clone()]))
        };
    };
    let length = left.len().max(right.len());
    let one = Formula::one();
    let at = |list: &[Formula], n: usize| {
        (n + list.len()).checked_sub(length).and_then(|n| list.get(n)).cloned().unwrap_or_else(Formula::one)
    };
    let extent = |n: usize| {
        let (a, b) = (at(left, n), at(right, n));
        if a == b || b == one {
            a
        } else if a == one {
            b
        } else if a.as_number().is_some() {
            // The other one is this, or 1: the known number is the result.
            a
        } else if b.as_number().is_some() {
            b
        } else {
            Formula::max(vec![a, b])
        }
    };
    Shape::of((0..length).map(extent).collect())
}

fn matmul(a: &Shape, b: &Shape) -> Shape {
    let (Some(left), Some(right)) = (&a.dimensions, &b.dimensions) else {
        return Shape::sized(Formula::max(vec![a.size.clone(), b.size.clone()]));
    };
    match (left.as_slice(), right.as_slice()) {
        ([], _) | (_, []) => broadcast(a, b),
        ([_], [_]) => Shape::of(Vec::new()),
        ([_], [batch @ .., _, columns]) => {
            let mut dimensions = batch.to_vec();
            dimensions.push(columns.clone());
            Shape::of(dimensions)
        }
        ([rest @ .., _], [_]) => Shape::of(rest.to_vec()),
        ([batch @ .., rows, _], [other @ .., _, columns]) => {
            let batch = broadcast(&Shape::of(batch.to_vec()), &Shape::of(other.to_vec()));
            let mut dimensions = batch.dimensions.unwrap_or_default();
            dimensions.extend([rows.clone(), columns.clone()]);
            Shape::of(dimensions)
        }
    }
}

fn dot(a: &Shape, b: &Shape) -> Shape {
    match (a.dimensions.as_deref(), b.dimensions.as_deref()) {
        (Some([left @ .., _]), Some([right @ .., _, columns])) if left.len() > 1 || !right.is_empty() => {
            let mut dimensions = left.to_vec();
            dimensions.extend(right.iter().cloned());
            dimensions.push(columns.clone());
            Shape::of(dimensions)
        }
        _ => matmul(a, b),
    }
}

fn inner(a: &Shape, b: &Shape) -> Shape {
    match (a.dimensions.as_deref(), b.dimensions.as_deref()) {
        (Some([left @ .., _]), Some([right @ .., _])) => Shape::of(left.iter().chain(right).cloned().collect()),
        _ => broadcast(a, b),
    }
}

fn kron(a: &Shape, b: &Shape) -> Shape {
    match (&a.dimensions, &b.dimensions) {
        (Some(left), Some(right)) if left.len() == right.len() => {
            Shape::of(left.iter().zip(right).map(|(a, b)| a * b).collect())
        }
        _ => Shape::sized(&a.size * &b.size),
    }
}

fn squeeze(shape: Shape) -> Shape {
    let one = Formula::one();
    match shape.dimensions {
        Some(dimensions) => Shape::of(dimensions.into_iter().filter(|extent| *extent != one).collect()),
        None => shape,
    }
}

fn diagonal(shape: &Shape) -> Shape {
    match shape.dimensions.as_deref() {
        Some([n]) => Shape::of(vec![n.clone(), n.clone()]),
        Some([rows, columns, rest @ ..]) => {
            let mut dimensions = rest.to_vec();
            let extent = if rows == columns { rows.clone() } else { Formula::min(vec![rows.clone(), columns.clone()]) };
            dimensions.push(extent);
            Shape::of(dimensions)
        }
        _ => Shape::sized(shape.size.clone()),
    }
}

fn two_dimensional(shape: Shape, rows: bool) -> Shape {
    match shape.dimensions.as_deref() {
        Some([n]) if rows => Shape::of(vec![Formula::one(), n.clone()]),
        Some([n]) => Shape::of(vec![n.clone(), Formula::one()]),
        _ => shape,
    }
}

/// `product / others`, common factors struck out first, so that `(n, m)` as `(n, -1)` is `(n, m)`.
fn cancel<'a>(dimensions: &[Formula], known: impl Iterator<Item = &'a Formula>, others: &Formula) -> Formula {
    let mut left = dimensions.to_vec();
    let mut struck = true;
    for number in known {
        match left.iter().position(|extent| extent == number) {
            Some(at) => drop(left.remove(at)),
            None => struck = false,
        }
    }
    if struck {
        return Formula::product(left);
    }
    let size = Formula::product(dimensions.iter().cloned());
    // A size that is not a multiple raises; the division is exact where the call returns.
    let quotient = &size / others;
    match (quotient.as_number(), others.as_number()) {
        (Some(_), _) | (_, Some(_)) => quotient,
        _ => Formula::conditional(
            Condition::compare(others.clone(), Comparison::Greater, Formula::zero()),
            quotient,
            Formula::zero(),
        ),
    }
}
