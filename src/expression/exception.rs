//! Exceptions: their classes, and how Python would print them.

use std::fmt;

use super::Raised;

/// Class and base class of CPython's exceptions and of those of the standard library that handlers meet. A class
/// with two bases has two rows. A class that is not here is taken for a direct subclass of `Exception`.
const BASES: &[(&str, &str)] = &[
    ("BaseExceptionGroup", "BaseException"),
    ("Exception", "BaseException"),
    ("GeneratorExit", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("SystemExit", "BaseException"),
    ("asyncio.CancelledError", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("FloatingPointError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("dataclasses.FrozenInstanceError", "AttributeError"),
    ("BufferError", "Exception"),
    ("EOFError", "Exception"),
    ("asyncio.IncompleteReadError", "EOFError"),
    ("ExceptionGroup", "BaseExceptionGroup"),
    ("ExceptionGroup", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("zipimport.ZipImportError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("zoneinfo.ZoneInfoNotFoundError", "KeyError"),
    ("MemoryError", "Exception"),
    ("NameError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("OSError", "Exception"),
    ("BlockingIOError", "OSError"),
    ("ChildProcessError", "OSError"),
    ("ConnectionError", "OSError"),
    ("BrokenPipeError", "ConnectionError"),
    ("ConnectionAbortedError", "ConnectionError"),
    ("ConnectionRefusedError", "ConnectionError"),
    ("ConnectionResetError", "ConnectionError"),
    ("http.client.RemoteDisconnected", "ConnectionResetError"),
    ("FileExistsError", "OSError"),
    ("FileNotFoundError", "OSError"),
    ("InterruptedError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("NotADirectoryError", "OSError"),
    ("PermissionError", "OSError"),
    ("ProcessLookupError", "OSError"),
    ("TimeoutError", "OSError"),
    ("gzip.BadGzipFile", "OSError"),
    ("io.UnsupportedOperation", "OSError"),
    ("io.UnsupportedOperation", "ValueError"),
    ("shutil.Error", "OSError"),
    ("shutil.SameFileError", "shutil.Error"),
    ("smtplib.SMTPException", "OSError"),
    ("socket.gaierror", "OSError"),
    ("socket.herror", "OSError"),
    ("ssl.SSLError", "OSError"),
    ("urllib.error.URLError", "OSError"),
    ("urllib.error.ContentTooShortError", "urllib.error.URLError"),
    ("urllib.error.HTTPError", "urllib.error.URLError"),
    ("ReferenceError", "Exception"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("PythonFinalizationError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("concurrent.futures.BrokenExecutor", "RuntimeError"),
    ("StopAsyncIteration", "Exception"),
    ("StopIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("IndentationError", "SyntaxError"),
    ("TabError", "IndentationError"),
    ("xml.etree.ElementTree.ParseError", "SyntaxError"),
    ("SystemError", "Exception"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("UnicodeEncodeError", "UnicodeError"),
    ("UnicodeTranslateError", "UnicodeError"),
    ("binascii.Error", "ValueError"),
    ("ipaddress.AddressValueError", "ValueError"),
    ("ipaddress.NetmaskValueError", "ValueError"),
    ("json.JSONDecodeError", "ValueError"),
    ("statistics.StatisticsError", "ValueError"),
    ("tomllib.TOMLDecodeError", "ValueError"),
    ("Warning", "Exception"),
    ("BytesWarning", "Warning"),
    ("DeprecationWarning", "Warning"),
    ("EncodingWarning", "Warning"),
    ("FutureWarning", "Warning"),
    ("ImportWarning", "Warning"),
    ("PendingDeprecationWarning", "Warning"),
    ("ResourceWarning", "Warning"),
    ("RuntimeWarning", "Warning"),
    ("SyntaxWarning", "Warning"),
    ("UnicodeWarning", "Warning"),
    ("UserWarning", "Warning"),
    ("decimal.DecimalException", "ArithmeticError"),
    ("decimal.InvalidOperation", "decimal.DecimalException"),
    ("decimal.ConversionSyntax", "decimal.InvalidOperation"),
    ("decimal.DivisionByZero", "decimal.DecimalException"),
    ("decimal.DivisionByZero", "ZeroDivisionError"),
    ("decimal.Inexact", "decimal.DecimalException"),
    ("decimal.Overflow", "decimal.Inexact"),
    ("decimal.FloatOperation", "decimal.DecimalException"),
    ("decimal.FloatOperation", "TypeError"),
    ("configparser.NoSectionError", "configparser.Error"),
    ("configparser.NoOptionError", "configparser.Error"),
    ("pickle.PicklingError", "pickle.PickleError"),
    ("pickle.UnpicklingError", "pickle.PickleError"),
    ("sqlite3.DatabaseError", "sqlite3.Error"),
    ("sqlite3.IntegrityError", "sqlite3.DatabaseError"),
    ("sqlite3.OperationalError", "sqlite3.DatabaseError"),
    ("sqlite3.ProgrammingError", "sqlite3.DatabaseError"),
    ("subprocess.CalledProcessError", "subprocess.SubprocessError"),
    ("subprocess.TimeoutExpired", "subprocess.SubprocessError"),
];

/// Other names of classes.
const ALIASES: &[(&str, &str)] = &[
    ("EnvironmentError", "OSError"),
    ("IOError", "OSError"),
    ("WindowsError", "OSError"),
    ("asyncio.TimeoutError", "TimeoutError"),
    ("asyncio.exceptions.CancelledError", "asyncio.CancelledError"),
    ("asyncio.exceptions.TimeoutError", "TimeoutError"),
    ("concurrent.futures.TimeoutError", "TimeoutError"),
    ("json.decoder.JSONDecodeError", "json.JSONDecodeError"),
    ("os.error", "OSError"),
    ("select.error", "OSError"),
    ("socket.error", "OSError"),
    ("socket.timeout", "TimeoutError"),
];

/// The deepest chain of bases that is followed.
const MAX_BASES: usize = 16;

/// A class by its first name.
fn canonical(class: &str) -> &str {
    let class = class.strip_prefix("builtins.").unwrap_or(class);
    ALIASES.iter().find(|(alias, _)| *alias == class).map_or(class, |(_, name)| name)
}

/// Whether two names mean one class: they are equal, or one is the last part of the other (`JSONDecodeError`), or
/// they differ only in the modules between (`json.decoder.JSONDecodeError`, `json.JSONDecodeError`).
fn is_same(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    match (left.rsplit_once('.'), right.rsplit_once('.')) {
        (Some((_, last)), None) => last == right,
        (None, Some((_, last))) => last == left,
        (Some((left_module, left_last)), Some((right_module, right_last))) => {
            left_last == right_last && left_module.split('.').next() == right_module.split('.').next()
        }
        (None, None) => false,
    }
}

/// Whether `except class:` catches an `exception`, both by name: qualified as far as is known (`KeyError`,
/// `json.JSONDecodeError`, `JSONDecodeError`). A class that is not of the standard library is an `Exception`.
pub fn is_subclass(exception: &str, class: &str) -> bool {
    ancestor(canonical(exception), canonical(class), MAX_BASES)
}

fn ancestor(exception: &str, class: &str, depth: usize) -> bool {
    if is_same(exception, class) {
        return true;
    }
    if exception == "BaseException" || depth == 0 {
        return false;
    }
    // A bare name stands for the one class of that name; of several, none is known.
    let mut candidates = BASES.iter().map(|(name, _)| *name).filter(|name| is_same(name, exception));
    let named = match candidates.next() {
        Some(first) if candidates.all(|other| other == first) => first,
        _ => exception,
    };
    let mut known = false;
    for (name, base) in BASES {
        if *name == named {
            known = true;
            if ancestor(base, class, depth - 1) {
                return true;
            }
        }
    }
    !known && exception != "Exception" && ancestor("Exception", class, depth - 1)
}

impl Raised {
    /// Whether `except class:` catches the exception ([`is_subclass`]).
    pub fn is_a(&self, class: &str) -> bool {
        is_subclass(&self.exception, class)
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(&self.exception)
        } else {
            write!(f, "{}: {}", self.exception, self.message)
        }
    }
}
