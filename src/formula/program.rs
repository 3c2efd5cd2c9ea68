//! Flat programs: a formula compiled for many evaluations in floats, one input or whole columns of them.
//!
//! A program works on 64-bit floats, close to the exact value, without a ceiling; where the formula has no finite
//! value (division by zero, `log2` of zero, an overflow) the result is infinite, never "not a number". Inside a
//! program "not a number" marks such a value until the branch of a conditional that it belongs to is discarded.

use num_rational::BigRational;
use num_traits::ToPrimitive;
use rustc_hash::FxHashMap;

use super::build::MOST_NESTED_SUMS;
use super::function::Function;
use super::node::{Formula, Kind};
use super::walk::Dependents;
use super::{Comparison, Text};

/// Elements of a column that are computed together: registers of this length stay in the first-level cache.
const CHUNK: usize = 256;

/// Registers that a single run keeps on the stack.
const STACK_REGISTERS: usize = 32;

/// Most rounds of a sum for one element; more have no value.
const MOST_ROUNDS: f64 = 1e8;

/// Why a formula cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Symbols or uninterpreted calls that are not among the inputs, sorted.
    #[error("not among the inputs: {}", .0.join(", "))]
    Unknown(Vec<Text>),
    /// A literal that is not a number: columns hold numbers.
    #[error("`{0}` is not a number, and columns hold numbers: make the comparison itself an input")]
    Literal(Text),
}

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operand {
    Input(usize),
    Register(usize),
    Constant(f64),
}

#[derive(Clone, Copy, Debug)]
enum Binary {
    Multiply,
    Divide,
    Power,
    Maximum,
    Minimum,
    Modulo,
    Compare(Comparison),
    And,
    Or,
}

#[derive(Clone, Debug)]
enum Operation {
    /// `base + term * by`
    Scaled {
        base: Operand,
        term: Operand,
        by: f64,
    },
    /// `base + term * by / over`; exact where the quotient is.
    Fraction {
        base: Operand,
        term: Operand,
        by: f64,
        over: f64,
    },
    Binary {
        operator: Binary,
        left: Operand,
        right: Operand,
    },
    /// `value ** exponent`, the exponent at least 3.
    Integer {
        value: Operand,
        exponent: u32,
    },
    Not {
        value: Operand,
    },
    Floor {
        value: Operand,
    },
    Ceil {
        value: Operand,
    },
    Call {
        function: &'static Function,
        value: Operand,
    },
    Select {
        condition: Operand,
        then: Operand,
        otherwise: Operand,
    },
    /// Adds `result` for each round, the index in its register.
    Loop {
        index: usize,
        start: Operand,
        stop: Operand,
        step: Operand,
        body: Vec<Instruction>,
        result: Operand,
    },
}

#[derive(Clone, Debug)]
struct Instruction {
    to: usize,
    operation: Operation,
}

/// A compiled formula. Runs on any thread; makes no allocation for an element.
#[derive(Clone, Debug)]
pub struct Program {
    inputs: usize,
    code: Vec<Instruction>,
    registers: usize,
    result: Operand,
    has_loops: bool,
}

impl Formula {
    /// Compiles for inputs in this order: paths of symbols, or texts of uninterpreted calls and of comparisons
    /// (1 for true).
    ///
    /// # Errors
    /// Names that are missing, or a comparison with a literal.
    pub fn compile(&self, inputs: &[Text]) -> Result<Program, CompileError> {
        let by_name: FxHashMap<&str, usize> = inputs.iter().enumerate().map(|(at, name)| (&**name, at)).collect();
        let missing = self.missing(|name| by_name.contains_key(name));
        let mut compiler = Compiler { inputs: by_name, registers: 0, scopes: vec![Scope::default()], literal: None };
        let result = compiler.compile(self, 0);
        if let Some(literal) = compiler.literal {
            return Err(CompileError::Literal(literal));
        }
        let Some(result) = result else { return Err(CompileError::Unknown(missing)) };
        let code = compiler.scopes.pop().map(|scope| scope.code).unwrap_or_default();
        let has_loops = code.iter().any(|instruction| matches!(instruction.operation, Operation::Loop { .. }));
        let mut program = Program { inputs: inputs.len(), code, registers: compiler.registers, result, has_loops };
        if !has_loops {
            program.reuse_registers();
        }
        Ok(program)
    }
}

/// Instructions of the program or of the body of a loop.
#[derive(Default)]
struct Scope {
    code: Vec<Instruction>,
    known: FxHashMap<usize, Operand>,
    /// The name that the loop binds, and the nodes of its body that depend on it.
    index: Option<(Text, usize, Dependents)>,
}

struct Compiler<'a> {
    inputs: FxHashMap<&'a str, usize>,
    registers: usize,
    scopes: Vec<Scope>,
    literal: Option<Text>,
}

impl Compiler<'_> {
    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    fn emit(&mut self, scope: usize, operation: Operation) -> Operand {
        let to = self.register();
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.code.push(Instruction { to, operation });
        }
        Operand::Register(to)
    }

    /// The innermost scope that a node depends on: what does not change in a loop is computed outside.
    fn scope_of(&self, formula: &Formula) -> usize {
        (0..self.scopes.len())
            .rev()
            .find(|at| {
                self.scopes
                    .get(*at)
                    .and_then(|scope| scope.index.as_ref())
                    .is_some_and(|(_, _, dependents)| dependents.contains(formula))
            })
            .unwrap_or(0)
    }

    fn known(&self, formula: &Formula) -> Option<Operand> {
        self.scopes.iter().rev().find_map(|scope| scope.known.get(&formula.address()).copied())
    }

    /// Compiles what is not known yet. None where a name is unknown or a literal stands in the way.
    fn compile(&mut self, root: &Formula, depth: u32) -> Option<Operand> {
        if depth > MOST_NESTED_SUMS {
            return None;
        }
        // Bodies of sums are compiled with their loop; inputs end the walk.
        let mut stack = vec![(root.clone(), false)];
        while let Some((formula, opened)) = stack.pop() {
            if self.known(&formula).is_some() {
                continue;
            }
            let scope = self.scope_of(&formula);
            if opened {
                let operand = self.node(&formula, scope, depth)?;
                if let Some(scope) = self.scopes.get_mut(scope) {
                    scope.known.insert(formula.address(), operand);
                }
                continue;
            }
            let named = match formula.kind() {
                Kind::Symbol(path) => Some(self.name(path)?),
                Kind::Apply { .. } => Some(Operand::Input(*self.inputs.get(formula.to_string().as_str())?)),
                Kind::Compare { .. } if scope == 0 => {
                    self.inputs.get(formula.to_string().as_str()).map(|at| Operand::Input(*at))
                }
                _ => None,
            };
            if let Some(operand) = named {
                if let Some(scope) = self.scopes.get_mut(scope) {
                    scope.known.insert(formula.address(), operand);
                }
                continue;
            }
            let children: Vec<Formula> = match formula.kind() {
                Kind::Series { start, stop, step, .. } => vec![start.clone(), stop.clone(), step.clone()],
                kind => kind.children().into_iter().cloned().collect(),
            };
            stack.push((formula, true));
            stack.extend(children.into_iter().rev().map(|child| (child, false)));
        }
        self.known(root)
    }

    fn name(&self, path: &Text) -> Option<Operand> {
        let bound = self.scopes.iter().rev().filter_map(|scope| scope.index.as_ref()).find(|(name, _, _)| name == path);
        match bound {
            Some((_, register, _)) => Some(Operand::Register(*register)),
            None => self.inputs.get(&**path).map(|at| Operand::Input(*at)),
        }
    }

    fn node(&mut self, formula: &Formula, scope: usize, depth: u32) -> Option<Operand> {
        let float = |number: &BigRational| number.to_f64().unwrap_or(f64::NAN);
        let flag = |value: bool| Operand::Constant(if value { 1.0 } else { 0.0 });
        Some(match formula.kind() {
            Kind::Number(number) => Operand::Constant(float(number)),
            Kind::Boolean(value) => flag(*value),
            Kind::Undefined(_) => Operand::Constant(f64::NAN),
            Kind::Literal { text, .. } => match &**text {
                "True" => flag(true),
                "False" => flag(false),
                _ => {
                    self.literal.get_or_insert_with(|| text.clone());
                    return None;
                }
            },
            Kind::Symbol(path) => self.name(path)?,
            Kind::Apply { .. } => Operand::Input(*self.inputs.get(formula.to_string().as_str())?),
            Kind::Sum { terms, constant } => {
                let mut sum = Operand::Constant(float(constant));
                for term in terms {
                    let of = self.known(&term.of)?;
                    let (by, over) = (&term.coefficient.numer().to_f64(), &term.coefficient.denom().to_f64());
                    let (by, over) = (by.unwrap_or(f64::NAN), over.unwrap_or(f64::NAN));
                    // A power of two divides as exactly as its inverse multiplies.
                    let operation = if over == 1.0 {
                        Operation::Scaled { base: sum, term: of, by }
                    } else if (1.0 / over) * over == 1.0 && over.log2().fract() == 0.0 {
                        Operation::Scaled { base: sum, term: of, by: by / over }
                    } else {
                        Operation::Fraction { base: sum, term: of, by, over }
                    };
                    sum = self.emit(scope, operation);
                }
                sum
            }
            Kind::Product(factors) => {
                let mut above: Option<Operand> = None;
                let mut below: Option<Operand> = None;
                for factor in factors {
                    let base = self.known(&factor.base)?;
                    let side = if factor.exponent > 0 { &mut above } else { &mut below };
                    let exponent = u32::try_from(factor.exponent.unsigned_abs()).unwrap_or(u32::MAX);
                    let power = match exponent {
                        1 => base,
                        2 => {
                            self.emit(scope, Operation::Binary { operator: Binary::Multiply, left: base, right: base })
                        }
                        _ => self.emit(scope, Operation::Integer { value: base, exponent }),
                    };
                    *side = Some(match *side {
                        None => power,
                        Some(left) => {
                            self.emit(scope, Operation::Binary { operator: Binary::Multiply, left, right: power })
                        }
                    });
                }
                match (above, below) {
                    (Some(above), None) => above,
                    (above, Some(right)) => {
                        let left = above.unwrap_or(Operand::Constant(1.0));
                        self.emit(scope, Operation::Binary { operator: Binary::Divide, left, right })
                    }
                    (None, None) => Operand::Constant(1.0),
                }
            }
            Kind::Power { base, exponent } => {
                let (left, right) = (self.known(base)?, self.known(exponent)?);
                self.emit(scope, Operation::Binary { operator: Binary::Power, left, right })
            }
            Kind::Call { function, arguments } => {
                let value = self.known(arguments.first()?)?;
                let operation = match function.name {
                    "floor" => Operation::Floor { value },
                    "ceil" => Operation::Ceil { value },
                    _ => Operation::Call { function, value },
                };
                self.emit(scope, operation)
            }
            Kind::Extreme { max, operands } => {
                let operator = if *max { Binary::Maximum } else { Binary::Minimum };
                self.fold(scope, operator, operands)?
            }
            Kind::Junction { and, operands } => {
                let operator = if *and { Binary::And } else { Binary::Or };
                self.fold(scope, operator, operands)?
            }
            Kind::Modulo(value, divisor) => {
                let (left, right) = (self.known(value)?, self.known(divisor)?);
                self.emit(scope, Operation::Binary { operator: Binary::Modulo, left, right })
            }
            Kind::Compare { operator, left, right } => {
                let (left, right) = (self.known(left)?, self.known(right)?);
                self.emit(scope, Operation::Binary { operator: Binary::Compare(*operator), left, right })
            }
            Kind::Not(inner) => {
                let value = self.known(inner)?;
                self.emit(scope, Operation::Not { value })
            }
            Kind::Conditional { condition, then, otherwise } => {
                let operation = Operation::Select {
                    condition: self.known(condition)?,
                    then: self.known(then)?,
                    otherwise: self.known(otherwise)?,
                };
                self.emit(scope, operation)
            }
            Kind::Series { body, index, start, stop, step } => {
                let (start, stop, step) = (self.known(start)?, self.known(stop)?, self.known(step)?);
                let register = self.register();
                let dependents = Dependents::new(body, index);
                self.scopes.push(Scope { index: Some((index.clone(), register, dependents)), ..Scope::default() });
                let result = self.compile(body, depth + 1);
                let body = self.scopes.pop().map(|scope| scope.code).unwrap_or_default();
                self.emit(scope, Operation::Loop { index: register, start, stop, step, body, result: result? })
            }
        })
    }

    fn fold(&mut self, scope: usize, operator: Binary, operands: &[Formula]) -> Option<Operand> {
        let (first, rest) = operands.split_first()?;
        let mut left = self.known(first)?;
        for operand in rest {
            let right = self.known(operand)?;
            left = self.emit(scope, Operation::Binary { operator, left, right });
        }
        Some(left)
    }
}

impl Program {
    /// Lets instructions share registers whose values are no longer needed, so that few stay in use.
    fn reuse_registers(&mut self) {
        let mut last_use: FxHashMap<usize, usize> = FxHashMap::default();
        for (at, instruction) in self.code.iter().enumerate() {
            for operand in instruction.operation.operands() {
                if let Operand::Register(register) = operand {
                    last_use.insert(register, at);
                }
            }
        }
        if let Operand::Register(register) = self.result {
            last_use.insert(register, usize::MAX);
        }
        let mut new: FxHashMap<usize, usize> = FxHashMap::default();
        let mut free: Vec<usize> = Vec::new();
        let mut used = 0;
        for (at, instruction) in self.code.iter_mut().enumerate() {
            // The target is never an operand: it is taken before the operands are given back.
            let to = free.pop().unwrap_or_else(|| {
                used += 1;
                used - 1
            });
            let mut done: Vec<usize> = Vec::new();
            instruction.operation.map_operands(&mut |operand| match operand {
                Operand::Register(register) => {
                    let place = new.get(&register).copied().unwrap_or(register);
                    if last_use.get(&register) == Some(&at) && !done.contains(&place) {
                        done.push(place);
                    }
                    Operand::Register(place)
                }
                other => other,
            });
            free.extend(done);
            new.insert(instruction.to, to);
            if !last_use.contains_key(&instruction.to) {
                free.push(to);
            }
            instruction.to = to;
        }
        if let Operand::Register(register) = self.result {
            self.result = Operand::Register(new.get(&register).copied().unwrap_or(register));
        }
        self.registers = used;
    }

    /// How many inputs a run takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The value for one set of inputs; missing ones have no value. Infinite where there is no finite value.
    pub fn run(&self, inputs: &[f64]) -> f64 {
        if self.registers <= STACK_REGISTERS {
            self.run_with(inputs, &mut [0.0; STACK_REGISTERS])
        } else {
            self.run_with(inputs, &mut vec![0.0; self.registers])
        }
    }

    fn run_with(&self, inputs: &[f64], registers: &mut [f64]) -> f64 {
        execute(&self.code, inputs, registers);
        finite(read(self.result, inputs, registers))
    }

    /// The values for columns of inputs, into `out`. Columns shorter than `out` have no value behind their end.
    /// Infinite where there is no finite value.
    pub fn run_columns(&self, inputs: &[&[f64]], out: &mut [f64]) {
        if self.has_loops || inputs.len() < self.inputs || inputs.iter().any(|column| column.len() < out.len()) {
            let mut registers = vec![0.0; self.registers];
            let mut row = vec![f64::NAN; inputs.len().max(self.inputs)];
            for (at, out) in out.iter_mut().enumerate() {
                for (value, column) in row.iter_mut().zip(inputs) {
                    *value = column.get(at).copied().unwrap_or(f64::NAN);
                }
                *out = self.run_with(&row, &mut registers);
            }
            return;
        }
        let mut registers: Vec<Vec<f64>> = vec![vec![0.0; CHUNK]; self.registers];
        for (chunk, out) in out.chunks_mut(CHUNK).enumerate() {
            let (start, length) = (chunk * CHUNK, out.len());
            for instruction in &self.code {
                let Some(target) = registers.get_mut(instruction.to) else { continue };
                let mut target = std::mem::take(target);
                let columns = Columns { inputs, registers: &registers, start, length };
                columns.execute(&instruction.operation, target.get_mut(..length).unwrap_or_default());
                if let Some(place) = registers.get_mut(instruction.to) {
                    *place = target;
                }
            }
            let columns = Columns { inputs, registers: &registers, start, length };
            match columns.operand(self.result) {
                Lane::Constant(value) => out.fill(finite(value)),
                Lane::Column(values) => {
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = finite(*value);
                    }
                }
            }
        }
    }
}

#[inline]
fn finite(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}

impl Operation {
    fn operands(&self) -> Vec<Operand> {
        let mut all = Vec::new();
        self.clone().map_operands(&mut |operand| {
            all.push(operand);
            operand
        });
        all
    }

    fn map_operands(&mut self, map: &mut dyn FnMut(Operand) -> Operand) {
        match self {
            Self::Scaled { base, term, .. } | Self::Fraction { base, term, .. } => {
                *base = map(*base);
                *term = map(*term);
            }
            Self::Binary { left, right, .. } => {
                *left = map(*left);
                *right = map(*right);
            }
            Self::Integer { value, .. }
            | Self::Not { value }
            | Self::Floor { value }
            | Self::Ceil { value }
            | Self::Call { value, .. } => *value = map(*value),
            Self::Select { condition, then, otherwise } => {
                *condition = map(*condition);
                *then = map(*then);
                *otherwise = map(*otherwise);
            }
            Self::Loop { start, stop, step, result, .. } => {
                *start = map(*start);
                *stop = map(*stop);
                *step = map(*step);
                *result = map(*result);
            }
        }
    }
}

// ---- What the operations mean, for one element ----

#[inline]
fn read(operand: Operand, inputs: &[f64], registers: &[f64]) -> f64 {
    match operand {
        Operand::Input(at) => inputs.get(at).copied().unwrap_or(f64::NAN),
        Operand::Register(at) => registers.get(at).copied().unwrap_or(f64::NAN),
        Operand::Constant(value) => value,
    }
}

#[inline]
fn divide(a: f64, b: f64) -> f64 {
    if b == 0.0 { f64::NAN } else { a / b }
}

#[inline]
fn modulo(a: f64, b: f64) -> f64 {
    if b == 0.0 { f64::NAN } else { a - b * (a / b).floor() }
}

/// The larger; not a number if either is not.
#[inline]
fn maximum(a: f64, b: f64) -> f64 {
    let larger = if a > b { a } else { b };
    if a.is_nan() { a } else { larger }
}

#[inline]
fn minimum(a: f64, b: f64) -> f64 {
    let smaller = if a < b { a } else { b };
    if a.is_nan() { a } else { smaller }
}

#[inline]
fn power(a: f64, b: f64) -> f64 {
    if a == 0.0 && b < 0.0 { f64::NAN } else { a.powf(b) }
}

#[inline]
fn integer_power(value: f64, exponent: u32) -> f64 {
    let (mut result, mut base, mut left) = (1.0, value, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= base;
        }
        base *= base;
        left >>= 1;
    }
    result
}

#[inline]
fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

#[inline]
fn either_nan(a: f64, b: f64, otherwise: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { otherwise }
}

#[inline]
fn compare(operator: Comparison, a: f64, b: f64) -> f64 {
    let holds = match operator {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        // Identity of numbers and membership in a number are not defined.
        Comparison::Is | Comparison::IsNot | Comparison::In | Comparison::NotIn => return f64::NAN,
    };
    either_nan(a, b, flag(holds))
}

#[inline]
fn not(a: f64) -> f64 {
    if a.is_nan() { a } else { flag(a == 0.0) }
}

/// `and`: the first operand decides alone where it is false.
#[inline]
fn and(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { either_nan(a, b, flag(b != 0.0)) }
}

#[inline]
fn or(a: f64, b: f64) -> f64 {
    if a.is_nan() {
        a
    } else if a != 0.0 {
        1.0
    } else {
        either_nan(a, b, flag(b != 0.0))
    }
}

#[inline]
fn select(condition: f64, then: f64, otherwise: f64) -> f64 {
    let value = if condition == 0.0 { otherwise } else { then };
    if condition.is_nan() { condition } else { value }
}

fn execute(code: &[Instruction], inputs: &[f64], registers: &mut [f64]) {
    for instruction in code {
        let get = |operand: Operand| read(operand, inputs, registers);
        let value = match &instruction.operation {
            Operation::Scaled { base, term, by } => get(*base) + get(*term) * by,
            Operation::Fraction { base, term, by, over } => get(*base) + get(*term) * by / over,
            Operation::Binary { operator, left, right } => {
                let (a, b) = (get(*left), get(*right));
                match operator {
                    Binary::Multiply => a * b,
                    Binary::Divide => divide(a, b),
                    Binary::Power => power(a, b),
                    Binary::Maximum => maximum(a, b),
                    Binary::Minimum => minimum(a, b),
                    Binary::Modulo => modulo(a, b),
                    Binary::Compare(operator) => compare(*operator, a, b),
                    Binary::And => and(a, b),
                    Binary::Or => or(a, b),
                }
            }
            Operation::Integer { value, exponent } => integer_power(get(*value), *exponent),
            Operation::Not { value } => not(get(*value)),
            Operation::Floor { value } => get(*value).floor(),
            Operation::Ceil { value } => get(*value).ceil(),
            Operation::Call { function, value } => (function.float)(&[get(*value)]),
            Operation::Select { condition, then, otherwise } => select(get(*condition), get(*then), get(*otherwise)),
            Operation::Loop { index, start, stop, step, body, result } => {
                let (start, stop, step) = (get(*start), get(*stop), get(*step));
                let rounds = divide(stop - start, step).ceil();
                if rounds > MOST_ROUNDS || rounds.is_nan() {
                    f64::NAN
                } else {
                    let mut sum = 0.0;
                    let mut round = 0.0;
                    while round < rounds {
                        if let Some(place) = registers.get_mut(*index) {
                            *place = start + step * round;
                        }
                        execute(body, inputs, registers);
                        sum += read(*result, inputs, registers);
                        round += 1.0;
                    }
                    sum
                }
            }
        };
        if let Some(place) = registers.get_mut(instruction.to) {
            *place = value;
        }
    }
}

// ---- The same for columns ----

struct Columns<'a> {
    inputs: &'a [&'a [f64]],
    registers: &'a [Vec<f64>],
    start: usize,
    length: usize,
}

/// An operand for a chunk.
enum Lane<'a> {
    Column(&'a [f64]),
    Constant(f64),
}

impl<'a> Columns<'a> {
    fn operand(&self, operand: Operand) -> Lane<'a> {
        match operand {
            Operand::Constant(value) => Lane::Constant(value),
            Operand::Input(at) => Lane::Column(
                self.inputs
                    .get(at)
                    .and_then(|column| column.get(self.start..self.start + self.length))
                    .unwrap_or_default(),
            ),
            Operand::Register(at) => Lane::Column(
                self.registers.get(at).and_then(|register| register.get(..self.length)).unwrap_or_default(),
            ),
        }
    }

    fn map1(&self, value: Operand, out: &mut [f64], f: impl Fn(f64) -> f64) {
        match self.operand(value) {
            Lane::Constant(value) => out.fill(f(value)),
            Lane::Column(values) => {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = f(*value);
                }
            }
        }
    }

    fn map2(&self, left: Operand, right: Operand, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
        match (self.operand(left), self.operand(right)) {
            (Lane::Constant(a), Lane::Constant(b)) => out.fill(f(a, b)),
            (Lane::Constant(a), Lane::Column(b)) => {
                for (out, b) in out.iter_mut().zip(b) {
                    *out = f(a, *b);
                }
            }
            (Lane::Column(a), Lane::Constant(b)) => {
                for (out, a) in out.iter_mut().zip(a) {
                    *out = f(*a, b);
                }
            }
            (Lane::Column(a), Lane::Column(b)) => {
                for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                    *out = f(*a, *b);
                }
            }
        }
    }

    fn execute(&self, operation: &Operation, out: &mut [f64]) {
        match operation {
            Operation::Scaled { base, term, by } => self.map2(*base, *term, out, |base, term| base + term * by),
            Operation::Fraction { base, term, by, over } => {
                self.map2(*base, *term, out, |base, term| base + term * by / over);
            }
            Operation::Binary { operator, left, right } => match operator {
                Binary::Multiply => self.map2(*left, *right, out, |a, b| a * b),
                Binary::Divide => self.map2(*left, *right, out, divide),
                Binary::Power => self.map2(*left, *right, out, power),
                Binary::Maximum => self.map2(*left, *right, out, maximum),
                Binary::Minimum => self.map2(*left, *right, out, minimum),
                Binary::Modulo => self.map2(*left, *right, out, modulo),
                Binary::Compare(operator) => self.map2(*left, *right, out, |a, b| compare(*operator, a, b)),
                Binary::And => self.map2(*left, *right, out, and),
                Binary::Or => self.map2(*left, *right, out, or),
            },
            Operation::Integer { value, exponent } => self.map1(*value, out, |a| integer_power(a, *exponent)),
            Operation::Not { value } => self.map1(*value, out, not),
            Operation::Floor { value } => self.map1(*value, out, f64::floor),
            Operation::Ceil { value } => self.map1(*value, out, f64::ceil),
            Operation::Call { function, value } => self.map1(*value, out, |a| (function.float)(&[a])),
            Operation::Select { condition, then, otherwise } => {
                // Two passes: first the branches that are taken, then the condition's own failures.
                self.map2(*condition, *then, out, |condition, then| select(condition, then, 0.0));
                match (self.operand(*condition), self.operand(*otherwise)) {
                    (Lane::Constant(condition), _) if condition != 0.0 => {}
                    (Lane::Constant(_), Lane::Constant(otherwise)) => out.fill(otherwise),
                    (Lane::Constant(_), Lane::Column(otherwise)) => out.copy_from_slice(otherwise),
                    (Lane::Column(condition), Lane::Constant(otherwise)) => {
                        for (out, condition) in out.iter_mut().zip(condition) {
                            *out = if *condition == 0.0 { otherwise } else { *out };
                        }
                    }
                    (Lane::Column(condition), Lane::Column(otherwise)) => {
                        for ((out, condition), otherwise) in out.iter_mut().zip(condition).zip(otherwise) {
                            *out = if *condition == 0.0 { *otherwise } else { *out };
                        }
                    }
                }
            }
            // Programs with loops run row by row.
            Operation::Loop { .. } => out.fill(f64::NAN),
        }
    }
}
