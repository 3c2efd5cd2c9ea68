//! Values of names that libraries define.

use super::Value;

/// Constants of Python's own modules and numpy's, by their qualified names: the same on every platform that handlers run on.
pub fn library_constant(name: &str) -> Option<Value> {
    Some(match name {
        "math.pi" | "cmath.pi" | "numpy.pi" => Value::Float(std::f64::consts::PI),
        "math.e" | "cmath.e" | "numpy.e" => Value::Float(std::f64::consts::E),
        "math.tau" | "cmath.tau" => Value::Float(std::f64::consts::TAU),
        "math.inf" | "cmath.inf" | "numpy.inf" => Value::Float(f64::INFINITY),
        "math.nan" | "cmath.nan" | "numpy.nan" => Value::Float(f64::NAN),
        "logging.CRITICAL" | "logging.FATAL" => Value::int(50),
        "logging.ERROR" => Value::int(40),
        "logging.WARNING" | "logging.WARN" => Value::int(30),
        "logging.INFO" => Value::int(20),
        "logging.DEBUG" => Value::int(10),
        "logging.NOTSET" => Value::int(0),
        "os.sep" | "os.path.sep" => Value::Str("/".into()),
        "os.pathsep" | "os.path.pathsep" => Value::Str(":".into()),
        "os.extsep" | "os.path.extsep" | "os.curdir" | "os.path.curdir" => Value::Str(".".into()),
        "os.linesep" => Value::Str("\n".into()),
        "os.name" => Value::Str("posix".into()),
        "sys.maxsize" => Value::Int(i64::MAX.into()),
        "string.ascii_lowercase" => Value::Str("abcdefghijklmnopqrstuvwxyz".into()),
        "string.ascii_uppercase" => Value::Str("ABCDEFGHIJKLMNOPQRSTUVWXYZ".into()),
        "string.ascii_letters" => Value::Str("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".into()),
        "string.digits" => Value::Str("0123456789".into()),
        "string.octdigits" => Value::Str("01234567".into()),
        "string.whitespace" => Value::Str(" \t\n\r\u{b}\u{c}".into()),
        "string.hexdigits" => Value::Str("0123456789abcdefABCDEF".into()),
        "string.punctuation" => Value::Str("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".into()),
        "string.printable" => {
            let part = |name: &str| match library_constant(&format!("string.{name}")) {
                Some(Value::Str(text)) => text.to_string(),
                _ => String::new(),
            };
            Value::text(["digits", "ascii_letters", "punctuation", "whitespace"].map(part).concat())
        }
        _ => return None,
    })
}
