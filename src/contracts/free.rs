//! Calls that cost no memory of their own, each with its reason.
//!
//! "Nothing" means: no block is requested from an allocator that lives beyond the expression, other than objects
//! that CPython shares (small integers, `True`, `False`, `None`, interned text) or views of a fixed size.

/// Why a call of Python itself costs nothing, by qualified name (`len`, `dict.get`); `None` if it may cost something.
pub fn reason(name: &str) -> Option<&'static str> {
    Some(match name {
        "len" | "hash" | "id" | "ord" => "gives an integer",
        "bool" | "callable" | "hasattr" | "isinstance" | "issubclass" | "any" | "all" => "gives True or False",
        "getattr" | "next" | "iter" | "type" => "gives an object that is there already",
        "super" => "gives a proxy that lives for the expression",
        "range" => "a range is of a fixed size, however long",
        "setattr" | "delattr" => "stores a reference",
        "dict.get" | "list.index" | "list.count" | "tuple.index" | "tuple.count" => {
            "gives a reference to what the container holds"
        }
        "dict.items" | "dict.keys" | "dict.values" => "a view of a fixed size",
        "str.startswith" | "str.endswith" | "str.isdigit" | "str.isalpha" | "str.isalnum" | "str.isspace"
        | "str.isupper" | "str.islower" | "str.isnumeric" | "str.isdecimal" | "str.isidentifier" | "str.istitle"
        | "bytes.startswith" | "bytes.endswith" => "gives True or False",
        "str.find" | "str.rfind" | "str.index" | "str.rindex" | "str.count" => "gives an integer",
        "enumerate" | "zip" | "reversed" => "an iterator of a fixed size",
        "os.environ.get" | "os.getenv" => "gives text that the environment holds",
        "staticmethod" | "classmethod" | "property" => "wraps a function once, at definition",
        _ => return None,
    })
}
