//! Unary and binary operators on values.
//!
//! Depends on values only.

use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};

use super::evaluate::{Failure, Outcome, raise, shared_items};
use super::value::{self, DictBuilder, Index, Meter};
use super::{BinaryOperator, IterableKind, UnaryOperator, Value, format, functions};

/// Bits of the largest integer that is computed: 1 MiB.
const MAX_BITS: u64 = 1 << 23;

/// Bytes of the largest text that one operation makes.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// `-x`, `+x`, `~x`, `not x`.
pub(super) fn unary(operator: UnaryOperator, operand: &Value, meter: &mut Meter) -> Outcome {
    if operator == UnaryOperator::Not {
        return Ok(Value::Bool(!operand.is_true()));
    }
    match operand {
        Value::Bool(_) | Value::Int(_) => {
            let number = operand.as_int().unwrap_or_default();
            meter.charge(words(&number))?;
            Ok(Value::Int(match operator {
                UnaryOperator::Minus => -number,
                UnaryOperator::Invert => !number,
                UnaryOperator::Plus | UnaryOperator::Not => number,
            }))
        }
        Value::Float(number) if operator != UnaryOperator::Invert => {
            Ok(Value::Float(if operator == UnaryOperator::Minus { -number } else { *number }))
        }
        _ => {
            let symbol = match operator {
                UnaryOperator::Minus => "-",
                UnaryOperator::Plus => "+",
                UnaryOperator::Invert => "~",
                UnaryOperator::Not => "not",
            };
            raise("TypeError", format!("bad operand type for unary {symbol}: '{}'", operand.type_name()))
        }
    }
}

/// 64-bit words of an integer.
fn words(number: &BigInt) -> usize {
    usize::try_from(number.bits() / 64 + 1).unwrap_or(usize::MAX)
}

fn is_int(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_))
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_))
}

/// The nearest float.
///
/// # Errors
/// `OverflowError` for an integer beyond the floats.
pub(super) fn to_float(value: &Value) -> Outcome<f64> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Bool(truth) => Ok(f64::from(u8::from(*truth))),
        Value::Int(number) => int_to_float(number),
        _ => raise("TypeError", format!("must be real number, not {}", value.type_name())),
    }
}

pub(super) fn int_to_float(number: &BigInt) -> Outcome<f64> {
    match number.to_f64() {
        Some(float) if float.is_finite() => Ok(float),
        _ => raise("OverflowError", "int too large to convert to float"),
    }
}

/// `int(number)` of a finite float.
pub(super) fn int_of_float(number: f64) -> Option<BigInt> {
    BigInt::from_f64(number)
}

/// `left operator right`.
pub(super) fn binary(operator: BinaryOperator, left: Value, right: &Value, meter: &mut Meter) -> Outcome {
    if is_int(&left) && is_int(right) {
        return ints(operator, &left, right, meter);
    }
    if is_number(&left) && is_number(right) {
        if let Some(result) = floats(operator, &left, right)? {
            return Ok(result);
        }
        return unsupported_operands(operator, &left, right);
    }
    match operator {
        BinaryOperator::Add => add(left, right, meter),
        BinaryOperator::Multiply => match (&left, right) {
            (Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_), _) => repeat(&left, right, meter),
            (_, Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_)) => repeat(right, &left, meter),
            _ => unsupported_operands(operator, &left, right),
        },
        BinaryOperator::Modulo => match &left {
            Value::Str(text) => Ok(Value::Str(format::percent(text, right, meter)?.into())),
            Value::Bytes(_) => Err(Failure::Unsupported("bytes % values".to_owned())),
            _ => unsupported_operands(operator, &left, right),
        },
        BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor | BinaryOperator::Subtract => {
            set_operator(operator, &left, right, meter)
        }
        BinaryOperator::Divide
        | BinaryOperator::FloorDivide
        | BinaryOperator::Power
        | BinaryOperator::LeftShift
        | BinaryOperator::RightShift => unsupported_operands(operator, &left, right),
    }
}

fn unsupported_operands<T>(operator: BinaryOperator, left: &Value, right: &Value) -> Outcome<T> {
    let symbol = if operator == BinaryOperator::Power { "** or pow()" } else { operator.symbol() };
    raise(
        "TypeError",
        format!("unsupported operand type(s) for {symbol}: '{}' and '{}'", left.type_name(), right.type_name()),
    )
}

fn ints(operator: BinaryOperator, left: &Value, right: &Value, meter: &mut Meter) -> Outcome {
    use BinaryOperator as Op;
    if let (Value::Bool(a), Value::Bool(b)) = (left, right) {
        match operator {
            Op::And => return Ok(Value::Bool(a & b)),
            Op::Or => return Ok(Value::Bool(a | b)),
            Op::Xor => return Ok(Value::Bool(a ^ b)),
            _ => {}
        }
    }
    // Machine integers first: nearly all are.
    if let (Some(a), Some(b)) = (left.as_small(), right.as_small()) {
        let fast = match operator {
            Op::Add => a.checked_add(b),
            Op::Subtract => a.checked_sub(b),
            Op::Multiply => a.checked_mul(b),
            Op::And => Some(a & b),
            Op::Or => Some(a | b),
            Op::Xor => Some(a ^ b),
            Op::FloorDivide if b > 0 => Some(a.div_euclid(b)),
            Op::Modulo if b > 0 => Some(a.rem_euclid(b)),
            _ => None,
        };
        if let Some(result) = fast {
            return Ok(Value::int(result));
        }
    }
    let a = left.as_int().unwrap_or_default();
    let b = right.as_int().unwrap_or_default();
    meter.charge((words(&a) + words(&b)) / 4)?;
    let product = |meter: &mut Meter| meter.charge(words(&a).saturating_mul(words(&b)) / 16);
    let result = match operator {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => {
            product(meter)?;
            if a.bits() + b.bits() > MAX_BITS {
                return Err(Failure::TooLarge);
            }
            a * b
        }
        Op::Divide => return divide_ints(&a, &b).map(Value::Float),
        Op::FloorDivide => {
            if b.is_zero() {
                return raise("ZeroDivisionError", "integer division or modulo by zero");
            }
            product(meter)?;
            a.div_floor(&b)
        }
        Op::Modulo => {
            if b.is_zero() {
                return raise("ZeroDivisionError", "integer modulo by zero");
            }
            product(meter)?;
            a.mod_floor(&b)
        }
        Op::Power => {
            if b.is_negative() {
                return power_floats(int_to_float(&a)?, int_to_float(&b)?).map(Value::Float);
            }
            return power_ints(a, &b, meter).map(Value::Int);
        }
        Op::LeftShift => {
            if b.is_negative() {
                return raise("ValueError", "negative shift count");
            }
            if a.is_zero() {
                a
            } else {
                match b.to_u64() {
                    Some(count) if count.saturating_add(a.bits()) <= MAX_BITS => {
                        meter.charge(usize::try_from(count / 64).unwrap_or(usize::MAX))?;
                        a << count
                    }
                    // More 30-bit digits than an index can count.
                    _ if (b / 30u32).to_i64().is_none() => {
                        return raise("OverflowError", "too many digits in integer");
                    }
                    _ => return Err(Failure::TooLarge),
                }
            }
        }
        Op::RightShift => {
            if b.is_negative() {
                return raise("ValueError", "negative shift count");
            }
            match b.to_u64() {
                // Shifts of negative numbers round down.
                Some(count) if count < a.bits() + 1 => a >> count,
                _ if a.is_negative() => BigInt::from(-1),
                _ => BigInt::zero(),
            }
        }
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
    };
    Ok(Value::Int(result))
}

/// `base ** exponent` for an exponent that is not negative.
pub(super) fn power_ints(base: BigInt, exponent: &BigInt, meter: &mut Meter) -> Outcome<BigInt> {
    if exponent.is_zero() || base.is_one() {
        return Ok(BigInt::one());
    }
    if base.is_zero() {
        return Ok(base);
    }
    if base.magnitude().is_one() {
        return Ok(if exponent.is_even() { BigInt::one() } else { base });
    }
    let bits = exponent.to_u64().and_then(|exponent| exponent.checked_mul(base.bits())).unwrap_or(u64::MAX);
    if bits > MAX_BITS {
        return Err(Failure::TooLarge);
    }
    let words = usize::try_from(bits / 64).unwrap_or(usize::MAX);
    meter.charge(words.saturating_mul(words) / 64)?;
    let Some(exponent) = exponent.to_u32() else { return Err(Failure::TooLarge) };
    Ok(base.pow(exponent))
}

/// `a / b`, rounded once.
fn divide_ints(a: &BigInt, b: &BigInt) -> Outcome<f64> {
    if b.is_zero() {
        return raise("ZeroDivisionError", "division by zero");
    }
    const EXACT: u64 = 53;
    if a.bits() <= EXACT && b.bits() <= EXACT {
        return Ok(a.to_f64().unwrap_or(0.0) / b.to_f64().unwrap_or(1.0));
    }
    if a.is_zero() {
        return Ok(if b.is_negative() { -0.0 } else { 0.0 });
    }
    let negative = a.is_negative() != b.is_negative();
    let (a, b) = (a.magnitude(), b.magnitude());
    let as_signed = |bits: u64| i64::try_from(bits).unwrap_or(i64::MAX);
    // The quotient lies between 2 ** (exponent - 1) and 2 ** (exponent + 1).
    let exponent = as_signed(a.bits()) - as_signed(b.bits());
    if exponent > 1_025 {
        return raise("OverflowError", "integer division result too large for a float");
    }
    if exponent < -1_080 {
        return Ok(if negative { -0.0 } else { 0.0 });
    }
    // Scale so that the quotient has at least 64 bits, or as many as the smallest float leaves; keep a sticky bit.
    let shift = (66 - exponent).min(1_074 + 2);
    let (quotient, rest) =
        if shift >= 0 { (a << shift.unsigned_abs()).div_rem(b) } else { a.div_rem(&(b << shift.unsigned_abs())) };
    let mut quotient = quotient;
    if !rest.is_zero() {
        quotient |= num_bigint::BigUint::one();
    }
    // Round to 53 bits, or to the last bit that a subnormal has: half to even.
    let bits = as_signed(quotient.bits());
    let lowest = (bits - 53).max(shift - 1_074).max(0);
    let drop = lowest.unsigned_abs();
    let mut kept = &quotient >> drop;
    let dropped = &quotient - (&kept << drop);
    if drop > 0 {
        let half = num_bigint::BigUint::one() << (drop - 1);
        if dropped > half || (dropped == half && kept.is_odd()) {
            kept += 1u32;
        }
    }
    let mantissa = kept.to_f64().unwrap_or(0.0);
    let result = scale(mantissa, lowest - shift);
    if result.is_infinite() {
        return raise("OverflowError", "integer division result too large for a float");
    }
    Ok(if negative { -result } else { result })
}

/// `mantissa * 2 ** exponent`, exact where the result is a float.
fn scale(mut mantissa: f64, mut exponent: i64) -> f64 {
    while exponent > 1_000 {
        mantissa *= 2f64.powi(1_000);
        exponent -= 1_000;
    }
    while exponent < -1_000 {
        mantissa *= 2f64.powi(-1_000);
        exponent += 1_000;
    }
    mantissa * 2f64.powi(i32::try_from(exponent).unwrap_or(0))
}

/// Operators of which an operand is a float; `None` for those that floats have not.
fn floats(operator: BinaryOperator, left: &Value, right: &Value) -> Outcome<Option<Value>> {
    use BinaryOperator as Op;
    if matches!(operator, Op::LeftShift | Op::RightShift | Op::And | Op::Or | Op::Xor) {
        return Ok(None);
    }
    let (a, b) = (to_float(left)?, to_float(right)?);
    Ok(Some(Value::Float(match operator {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide if b == 0.0 => return raise("ZeroDivisionError", "float division by zero"),
        Op::Divide => a / b,
        Op::FloorDivide if b == 0.0 => return raise("ZeroDivisionError", "float floor division by zero"),
        Op::FloorDivide => divide_modulo(a, b).0,
        Op::Modulo if b == 0.0 => return raise("ZeroDivisionError", "float modulo"),
        Op::Modulo => divide_modulo(a, b).1,
        Op::Power => power_floats(a, b)?,
        Op::LeftShift | Op::RightShift | Op::And | Op::Or | Op::Xor => return Ok(None),
    })))
}

/// `divmod` of floats (CPython's `_float_div_mod`).
pub(super) fn divide_modulo(a: f64, b: f64) -> (f64, f64) {
    let mut modulo = a % b;
    let mut quotient = (a - modulo) / b;
    if modulo == 0.0 {
        modulo = 0f64.copysign(b);
    } else if (b < 0.0) != (modulo < 0.0) {
        modulo += b;
        quotient -= 1.0;
    }
    let floor = if quotient == 0.0 {
        0f64.copysign(a / b)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floor, modulo)
}

fn power_floats(a: f64, b: f64) -> Outcome<f64> {
    if a == 0.0 && b < 0.0 {
        return raise("ZeroDivisionError", "0.0 cannot be raised to a negative power");
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 {
        return Err(Failure::Unsupported("complex numbers".to_owned()));
    }
    let result = a.powf(b);
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return raise("OverflowError", "(34, 'Numerical result out of range')");
    }
    Ok(result)
}

fn add(left: Value, right: &Value, meter: &mut Meter) -> Outcome {
    let sum = |a: usize, b: usize, meter: &mut Meter| {
        if a + b > MAX_BYTES { Err(Failure::TooLarge) } else { meter.charge_bytes(a + b) }
    };
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => {
            sum(a.len(), b.len(), meter)?;
            let mut out = String::with_capacity(a.len() + b.len());
            out.push_str(&a);
            out.push_str(b);
            Ok(Value::Str(out.into()))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            sum(a.len(), b.len(), meter)?;
            Ok(Value::bytes([&*a, &**b].concat()))
        }
        (Value::List(mut a), Value::List(b)) => {
            meter.charge(a.iter().chain(b.iter()).map(value::footprint).sum())?;
            Arc::make_mut(&mut a).extend_from_slice(b);
            Ok(Value::List(a))
        }
        (Value::Tuple(mut a), Value::Tuple(b)) => {
            meter.charge(a.iter().chain(b.iter()).map(value::footprint).sum())?;
            Arc::make_mut(&mut a).extend_from_slice(b);
            Ok(Value::Tuple(a))
        }
        (left @ (Value::Str(_) | Value::List(_) | Value::Tuple(_)), right) => {
            let name = left.type_name();
            raise("TypeError", format!("can only concatenate {name} (not \"{}\") to {name}", right.type_name()))
        }
        (Value::Bytes(_), right) => raise("TypeError", format!("can't concat {} to bytes", right.type_name())),
        (left, right) => unsupported_operands(BinaryOperator::Add, &left, right),
    }
}

/// `sequence * times`.
fn repeat(sequence: &Value, times: &Value, meter: &mut Meter) -> Outcome {
    let Some(times) = times.as_int() else {
        return raise("TypeError", format!("can't multiply sequence by non-int of type '{}'", times.type_name()));
    };
    let Some(times) = times.to_i64() else {
        return raise("OverflowError", "cannot fit 'int' into an index-sized integer");
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let bytes = |length: usize, meter: &mut Meter| match length.checked_mul(times) {
        Some(length) if length <= MAX_BYTES => meter.charge_bytes(length),
        _ => Err(Failure::TooLarge),
    };
    let times = |length: usize| if length == 0 { 0 } else { times };
    Ok(match sequence {
        Value::Str(text) => {
            bytes(text.len(), meter)?;
            Value::Str(text.repeat(times(text.len())).into())
        }
        Value::Bytes(content) => {
            bytes(content.len(), meter)?;
            Value::bytes(content.repeat(times(content.len())))
        }
        Value::List(items) | Value::Tuple(items) => {
            let times = times(items.len());
            let length = items.len().checked_mul(times).ok_or(Failure::TooLarge)?;
            let size: usize = items.iter().map(value::footprint).sum();
            meter.charge(size.saturating_mul(times))?;
            let mut out = Vec::with_capacity(length);
            for _ in 0..times {
                out.extend_from_slice(items);
            }
            if matches!(sequence, Value::List(_)) { Value::list(out) } else { Value::tuple(out) }
        }
        other => return raise("TypeError", format!("'{}' object cannot be repeated", other.type_name())),
    })
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Set(_) => true,
        Value::Iterable(kind, _) => kind.is_set(),
        _ => false,
    }
}

fn set_operator(operator: BinaryOperator, left: &Value, right: &Value, meter: &mut Meter) -> Outcome {
    if let (BinaryOperator::Or, Value::Dict(a), Value::Dict(b)) = (operator, left, right) {
        let mut out = DictBuilder::default();
        for (key, value) in a.iter().chain(b.iter()) {
            out.insert(key.clone(), value.clone(), meter)?;
        }
        return Ok(out.finish());
    }
    // A view combines with anything that can be iterated; a set with sets only (and views from their side).
    let view = |value: &Value| matches!(value, Value::Iterable(IterableKind::Keys | IterableKind::Items, _));
    if !(is_set(left) && is_set(right) || view(left) || view(right)) {
        return unsupported_operands(operator, left, right);
    }
    let a = shared_items(left.clone(), meter)?;
    let b = shared_items(right.clone(), meter)?;
    let set = combine(operator, &a, &b, meter)?;
    Ok(if matches!(left, Value::Iterable(IterableKind::FrozenSet, _)) { functions::frozen(set) } else { set })
}

/// The elements of `b` that are in `a`.
pub(super) fn common(a: &[Value], b: &[Value], meter: &mut Meter) -> Outcome {
    let in_a = Index::of(a.iter(), meter)?;
    let items: Vec<Value> = b.iter().filter(|item| in_a.position(item).is_some()).cloned().collect();
    value::set(items, meter)
}

/// The set that an operator makes of two collections.
pub(super) fn combine(operator: BinaryOperator, a: &[Value], b: &[Value], meter: &mut Meter) -> Outcome {
    let in_a = Index::of(a.iter(), meter)?;
    let in_b = Index::of(b.iter(), meter)?;
    let has = |index: &Index, item: &&Value| index.position(item).is_some();
    let items: Vec<Value> = match operator {
        // Of equal elements, those of the smaller operand are kept.
        BinaryOperator::And if b.len() > a.len() => a.iter().filter(|item| has(&in_b, item)).cloned().collect(),
        BinaryOperator::And => b.iter().filter(|item| has(&in_a, item)).cloned().collect(),
        BinaryOperator::Subtract => a.iter().filter(|item| !has(&in_b, item)).cloned().collect(),
        BinaryOperator::Xor => a
            .iter()
            .filter(|item| !has(&in_b, item))
            .chain(b.iter().filter(|item| !has(&in_a, item)))
            .cloned()
            .collect(),
        _ => a.iter().chain(b).cloned().collect(),
    };
    value::set(items, meter)
}

/// Where `part` first is in `bytes`.
pub(super) fn find_bytes(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    bytes.windows(part.len()).position(|window| window == part)
}

/// Rounds a finite float to `digits` decimals, half to even on its exact value.
pub(super) fn round_float(number: f64, digits: i64) -> Outcome<f64> {
    if number == 0.0 || !number.is_finite() || digits > 330 {
        return Ok(number);
    }
    if digits >= 0 {
        let precision = usize::try_from(digits).unwrap_or(0);
        return Ok(format!("{number:.precision$}").parse().unwrap_or(number));
    }
    if digits < -310 {
        return Ok(0f64.copysign(number));
    }
    let whole = BigInt::from_f64(number.trunc()).unwrap_or_default();
    // Four times the number, with a sticky bit for the fraction, so that half is exact.
    let doubled = (whole.magnitude() << 2usize) + u32::from(number.fract() != 0.0);
    let unit = num_bigint::BigUint::from(10u32).pow(u32::try_from(-digits).unwrap_or(0));
    let scaled = &unit << 2usize;
    let (mut quotient, rest) = doubled.div_rem(&scaled);
    let half = &scaled >> 1usize;
    if rest > half || (rest == half && quotient.is_odd()) {
        quotient += 1u32;
    }
    let rounded = (quotient * unit).to_string().parse::<f64>().unwrap_or(0.0);
    if rounded.is_infinite() {
        return raise("OverflowError", "rounded value too large to represent");
    }
    Ok(rounded.copysign(number))
}

/// Rounds an integer to a multiple of `10 ** places`, half to even.
pub(super) fn round_int(number: &BigInt, places: u32) -> BigInt {
    // Beyond the digits of the number all is rounded away.
    if u64::from(places) > number.bits() {
        return BigInt::zero();
    }
    let unit = BigInt::from(10u32).pow(places);
    let (mut quotient, rest) = number.magnitude().div_rem(unit.magnitude());
    let doubled = rest << 1usize;
    if doubled > *unit.magnitude() || (doubled == *unit.magnitude() && quotient.is_odd()) {
        quotient += 1u32;
    }
    BigInt::from_biguint(if number.is_negative() { Sign::Minus } else { Sign::Plus }, quotient) * unit
}
