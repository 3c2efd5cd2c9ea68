//! Sizes as people write them: `512MB`.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Pow;

/// What is wrong with a text as a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: write a number and a unit, such as 512MB (B, KB, MB, GB, TB; 1 MB is 1,048,576 bytes)")]
pub struct UnitError(String);

/// The bytes of a size: a decimal number and `B`, `KB`, `MB`, `GB`, `TB` (or `KiB` …, which mean the same), in any
/// case. 1 MB is 1,048,576 bytes, as the platform counts memory. Without unit it is bytes.
///
/// # Errors
/// The text is not of this form, or is no whole number of bytes.
pub fn parse_bytes(text: &str) -> Result<BigInt, UnitError> {
    let bad = || UnitError(text.chars().take(80).collect());
    let trimmed = text.trim().replace([',', '_'], "");
    if trimmed.len() > 64 {
        return Err(bad());
    }
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let exponent = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => 0u32,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(bad()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = BigInt::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10).ok_or_else(bad)?;
    let places = u32::try_from(fraction.len()).map_err(|_| bad())?;
    let bytes = BigRational::new(digits * Pow::pow(BigInt::from(1024), exponent), Pow::pow(BigInt::from(10), places));
    if bytes.is_integer() { Ok(bytes.to_integer()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_is_what_the_platform_counts() {
        for (text, bytes) in [
            ("512MB", 536_870_912),
            ("512 MiB", 536_870_912),
            ("1.5gb", 1_610_612_736),
            ("10", 10),
            ("3B", 3),
            ("10,240KB", 10_485_760),
        ] {
            assert_eq!(parse_bytes(text), Ok(BigInt::from(bytes)), "{text}");
        }
        for text in ["", "MB", "5XB", "-1MB", "1.5B", "1..5MB", "NaN", "1e3MB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
