//! What is known of Python's built-in functions, types and operators.

use ruff_python_ast::{CmpOp, Operator};

/// Built-in functions, in order of name.
const FUNCTIONS: &[&str] = &[
    "__build_class__",
    "__import__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "breakpoint",
    "callable",
    "chr",
    "compile",
    "copyright",
    "credits",
    "delattr",
    "dir",
    "display",
    "divmod",
    "eval",
    "exec",
    "exit",
    "format",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "locals",
    "max",
    "min",
    "next",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "quit",
    "repr",
    "round",
    "setattr",
    "sorted",
    "sum",
    "vars",
];

/// Built-in classes that are not exceptions, in order of name.
const CLASSES: &[&str] = &[
    "bool",
    "bytearray",
    "bytes",
    "classmethod",
    "complex",
    "dict",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "int",
    "list",
    "map",
    "memoryview",
    "object",
    "property",
    "range",
    "reversed",
    "set",
    "slice",
    "staticmethod",
    "str",
    "super",
    "tuple",
    "type",
    "zip",
];

/// Built-in exceptions, in order of name.
const EXCEPTIONS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
];

/// Whether a name is bound by the `builtins` module.
pub fn is_builtin(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok() || is_class(name)
}

/// Whether a name is a built-in class.
pub(super) fn is_class(name: &str) -> bool {
    CLASSES.binary_search(&name).is_ok() || EXCEPTIONS.binary_search(&name).is_ok()
}

/// The special method that a built-in function calls on its first argument.
pub(super) fn special_methods(function: &str) -> &'static [&'static str] {
    match function {
        "len" => &["__len__"],
        "str" => &["__str__", "__repr__"],
        "repr" | "ascii" => &["__repr__"],
        "format" => &["__format__", "__str__"],
        "print" => &["__str__", "__repr__"],
        "bool" => &["__bool__", "__len__"],
        "int" => &["__int__", "__index__"],
        "float" => &["__float__"],
        "complex" => &["__complex__"],
        "bytes" => &["__bytes__"],
        "hash" => &["__hash__"],
        "abs" => &["__abs__"],
        "round" => &["__round__"],
        "divmod" => &["__divmod__"],
        "pow" => &["__pow__"],
        "dir" => &["__dir__"],
        "hex" | "oct" | "bin" => &["__index__"],
        "reversed" => &["__reversed__"],
        _ => &[],
    }
}

/// The type of what a built-in function gives back, where it is one built-in type.
pub(super) fn result_type(function: &str) -> Option<&'static str> {
    Some(match function {
        "len" | "id" | "hash" | "ord" | "round" | "int" => "int",
        "str" | "repr" | "ascii" | "chr" | "bin" | "oct" | "hex" | "format" | "input" => "str",
        "all" | "any" | "bool" | "callable" | "hasattr" | "isinstance" | "issubclass" => "bool",
        "float" => "float",
        "complex" => "complex",
        "bytes" => "bytes",
        "bytearray" => "bytearray",
        "memoryview" => "memoryview",
        "range" => "range",
        "slice" => "slice",
        "open" => "file",
        "divmod" => "tuple",
        "dir" => "list",
        "compile" => "code",
        "object" => "object",
        _ => return None,
    })
}

/// The type of what a method of a built-in type gives back, where it is one built-in type.
pub(super) fn method_result(kind: &str, method: &str) -> Option<&'static str> {
    Some(match (kind, method) {
        (
            "str",
            "capitalize" | "casefold" | "center" | "expandtabs" | "format" | "format_map" | "join" | "ljust" | "lower"
            | "lstrip" | "replace" | "rjust" | "rstrip" | "strip" | "swapcase" | "title" | "translate" | "upper"
            | "zfill" | "removeprefix" | "removesuffix",
        ) => "str",
        ("str", "encode") => "bytes",
        ("bytes" | "bytearray", "decode" | "hex") => "str",
        (
            "bytes" | "bytearray",
            "join" | "replace" | "strip" | "lstrip" | "rstrip" | "upper" | "lower" | "ljust" | "rjust" | "center"
            | "translate" | "removeprefix" | "removesuffix",
        ) => "bytes",
        ("str" | "bytes" | "bytearray", "count" | "find" | "index" | "rfind" | "rindex") => "int",
        ("str" | "bytes" | "bytearray", "endswith" | "startswith") => "bool",
        ("str" | "bytes" | "bytearray", method) if method.starts_with("is") => "bool",
        ("int", "bit_length" | "bit_count" | "conjugate") => "int",
        ("int", "to_bytes") => "bytes",
        ("float", "hex") => "str",
        ("float", "is_integer") => "bool",
        ("list" | "tuple" | "range", "index" | "count") => "int",
        ("file", "read" | "readline") => "str",
        ("file", "write" | "seek" | "tell" | "fileno" | "truncate") => "int",
        ("file", "readable" | "writable" | "seekable" | "isatty") => "bool",
        ("set" | "frozenset", "issubset" | "issuperset" | "isdisjoint") => "bool",
        _ => return None,
    })
}

/// The method of a comparison, and whether the right side has it.
pub(super) fn comparison(op: CmpOp) -> Option<(&'static str, bool)> {
    Some(match op {
        CmpOp::Eq => ("__eq__", false),
        CmpOp::NotEq => ("__ne__", false),
        CmpOp::Lt => ("__lt__", false),
        CmpOp::LtE => ("__le__", false),
        CmpOp::Gt => ("__gt__", false),
        CmpOp::GtE => ("__ge__", false),
        CmpOp::In | CmpOp::NotIn => ("__contains__", true),
        CmpOp::Is | CmpOp::IsNot => return None,
    })
}

/// The middle of the names of an operator's methods.
pub(super) fn operator(op: Operator) -> &'static str {
    match op {
        Operator::Add => "add",
        Operator::Sub => "sub",
        Operator::Mult => "mul",
        Operator::MatMult => "matmul",
        Operator::Div => "truediv",
        Operator::Mod => "mod",
        Operator::Pow => "pow",
        Operator::LShift => "lshift",
        Operator::RShift => "rshift",
        Operator::BitOr => "or",
        Operator::BitXor => "xor",
        Operator::BitAnd => "and",
        Operator::FloorDiv => "floordiv",
    }
}

/// External methods that call a function given to them, by the last part of their name: the place of the function,
/// and whether the arguments behind it are passed on.
pub(super) fn callback_position(last: &str) -> Option<(usize, bool)> {
    Some(match last {
        "submit" | "to_thread" | "call_soon" | "call_soon_threadsafe" => (0, true),
        "apply_async" | "apply" | "map" | "imap" | "imap_unordered" | "map_async" | "starmap" | "starmap_async"
        | "applymap" | "map_blocks" | "map_partitions" | "transform" | "agg" | "aggregate" | "add_done_callback"
        | "retry_call" => (0, false),
        "run_in_executor" | "call_later" | "call_at" | "Timer" => (1, true),
        _ => return None,
    })
}

/// Keywords under which external code takes a function that it calls.
pub(super) fn is_callback_keyword(name: &str) -> bool {
    matches!(name, "target" | "func" | "function" | "callback" | "initializer" | "key" | "default_factory" | "on_error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [FUNCTIONS, CLASSES, EXCEPTIONS] {
            assert!(table.is_sorted());
        }
    }
}
