//! The sizes of CPython's objects, by version.
//!
//! `Include/` and `Objects/` are folders of CPython's source. Objects that the garbage collector follows have a header
//! of 16 bytes before them (`PyGC_Head`, `Include/internal/pycore_gc.h`; `Include/cpython/objimpl.h` until 3.9); every
//! object begins with a reference count and a type, 16 bytes (`PyObject_HEAD`, `Include/object.h`), and those of variable
//! size have a length, 8 bytes (`PyObject_VAR_HEAD`).

use super::cost::named;
use super::{Cost, Version};
use crate::formula::Formula;

/// How wide the characters of a str are: the widest decides for all (PEP 393).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Characters {
    /// All below U+0080.
    Ascii,
    /// All below U+0100, one byte each.
    Latin1,
    /// All below U+10000, two bytes each.
    Ucs2,
    /// Any, four bytes each.
    Ucs4,
}

impl Characters {
    /// Of this text.
    pub fn of(text: &str) -> Self {
        match text.chars().max().map_or(0, u32::from) {
            0..0x80 => Self::Ascii,
            0x80..0x100 => Self::Latin1,
            0x100..0x1_0000 => Self::Ucs2,
            _ => Self::Ucs4,
        }
    }

    /// Bytes of a character.
    pub fn width(self) -> u64 {
        match self {
            Self::Ascii | Self::Latin1 => 1,
            Self::Ucs2 => 2,
            Self::Ucs4 => 4,
        }
    }
}

/// What the keys of a dict are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keys {
    /// All str (attributes, JSON): smaller entries from 3.11 on.
    Str,
    /// Anything.
    Any,
}

/// Where the elements of a new list come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Elements {
    /// `[x] * n`, `a[i:j]`, `a + b`, `a.copy()`, a display `[a, b, c]` of variables, `str.split` is not: exactly as many.
    Exact,
    /// `list(x)` of a list, tuple, set or range, whose length is known.
    Sized,
    /// `sorted(x)`, `list.extend` of an empty list, `[*x]`.
    Extended,
    /// `list(d)` of a dict.
    Dict,
    /// `list(x)` of a generator or another iterable without a length.
    Unsized,
    /// `append` one by one; comprehensions.
    Appended,
}

/// How the attributes of an instance are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceLayout {
    /// A class without `__slots__`: an instance when the class has many already. Dataclasses too.
    Dict,
    /// As `Dict`, the first instance of its class: it has room for attributes that it does not know yet.
    FirstOfClass,
    /// `__slots__`, and no base class without.
    Slots,
    /// A `namedtuple` or `typing.NamedTuple`.
    NamedTuple,
}

/// Objects of a fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// `object()`.
    Object,
    /// `None`, `True`, `False`, `...`, `NotImplemented`.
    Singleton,
    /// `float`.
    Float,
    /// `complex`.
    Complex,
    /// `range(…)`, without its ints.
    Range,
    /// `slice`, without its ints.
    Slice,
    /// `memoryview(x)`: the view and the managed buffer that it creates; not what it shows.
    MemoryView,
    /// A bound method.
    BoundMethod,
    /// A function object (`def`, `lambda`), without its code.
    Function,
    /// A variable of a closure.
    Cell,
    /// An exception, without traceback and arguments.
    Exception,
    /// An `OSError`.
    OsError,
    /// `datetime.datetime` without a time zone.
    DateTime,
    /// `datetime.date`.
    Date,
    /// `datetime.time` without a time zone.
    Time,
    /// `datetime.timedelta`.
    TimeDelta,
    /// `decimal.Decimal` of up to 76 digits.
    Decimal,
    /// `uuid.UUID` without its int. Rough.
    Uuid,
    /// `pathlib.Path` without its texts. Rough.
    Path,
    /// An empty `io.StringIO`. Rough.
    StringIo,
    /// A module object with an empty namespace. Rough.
    Module,
    /// A class without methods. Rough.
    Class,
    /// A file from `open(p)`: FileIO, BufferedReader with its buffer of 8 KiB, TextIOWrapper. Rough.
    TextFile,
    /// A file from `open(p, "rb")`: FileIO, BufferedReader with its buffer of 8 KiB. Rough.
    BinaryFile,
}

/// The memory of the objects of one version of CPython.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    version: Version,
}

impl Layout {
    /// Of this version.
    pub fn of(version: Version) -> Self {
        Self { version }
    }

    /// The version.
    pub fn version(self) -> Version {
        self.version
    }

    fn is_before(self, version: Version) -> bool {
        self.version < version
    }

    /// The function of the language for this version, where an older one differs.
    fn by_version(self, since_311: &'static str, before: &'static str) -> &'static str {
        if self.is_before(Version::Py311) { before } else { since_311 }
    }

    // ---- Numbers ----

    /// An int of this value; nothing for -5 to 256, which exist already (`_PY_NSMALLNEGINTS`, `_PY_NSMALLPOSINTS` in
    /// `Include/internal/pycore_global_objects.h`, `pycore_interp.h` until 3.10). See
    /// [`int_bytes`](crate::formula::function::int_bytes).
    pub fn int(self, value: &Formula) -> Cost {
        Cost::block(named(self.by_version("py_int", "py39_int"), value))
    }

    /// An int of this many bits that is not one of the small ones.
    pub fn int_of_bits(self, bits: &Formula) -> Cost {
        let least = if self.is_before(Version::Py311) { 28 } else { 32 };
        let bytes = number(24) + number(4) * (bits / &number(30)).ceil();
        Cost::block(Formula::max(vec![bytes, number(least)]))
    }

    /// The ints 0 to n - 1 together (`list(range(n))` has them); the first 257 cost nothing. Exact up to 2**60.
    pub fn ints(self, n: &Formula) -> Cost {
        let above = |first: u64| Formula::max(vec![n - &number(first), Formula::zero()]);
        let one_digit = if self.is_before(Version::Py311) { 28 } else { 32 };
        let large = above(1 << 30);
        let small = above(257) - large.clone();
        Cost::free().and_many(small, one_digit).and_many(large, 32)
    }

    // ---- Texts and bytes ----

    /// A str of `n` characters. The empty one and those of one character below U+0100 exist already, when `n` is a
    /// number; for an unknown `n` the formula holds from 2 characters on.
    ///
    /// `Include/cpython/unicodeobject.h`: `PyASCIIObject` 48 bytes until 3.11, 40 since (without `wstr`),
    /// `PyCompactUnicodeObject` 72 and 56; one character more for the final zero.
    pub fn str_of(self, kind: Characters, n: &Formula) -> Cost {
        let is_at_most =
            |most: u64| n.as_number().is_some_and(|n| *n <= num_rational::BigRational::from_integer(most.into()));
        if is_at_most(0) || (is_at_most(1) && matches!(kind, Characters::Ascii | Characters::Latin1)) {
            return Cost::free();
        }
        let (ascii, compact) = if self.is_before(Version::Py312) { (48, 72) } else { (40, 56) };
        let header = if kind == Characters::Ascii { ascii } else { compact };
        let width = kind.width();
        Cost::block(number(width) * n.clone() + number(header + width))
    }

    /// A bytes object of `n` bytes: `PyBytesObject` (`Include/cpython/bytesobject.h`), 32 bytes with the hash, and the
    /// final zero. The empty one exists already, and so does one byte unless `bytes(1)` made it; for an unknown `n`
    /// the formula holds from 2 bytes on.
    pub fn bytes(self, n: &Formula) -> Cost {
        if n.is_zero() || *n == Formula::one() {
            return Cost::free();
        }
        Cost::block(n + &number(33))
    }

    /// A bytearray that was made with its length: `PyByteArrayObject` 56 bytes (`Include/cpython/bytearrayobject.h`),
    /// and a block with a final zero, unless it is empty.
    pub fn bytearray(self, n: &Formula) -> Cost {
        Cost::block(56).and(n.clone() + Formula::min(vec![n.clone(), Formula::one()]))
    }

    /// A bytearray that grew to `n` bytes, one by one.
    pub fn bytearray_grown(self, n: &Formula) -> Cost {
        Cost::block(56).and(named("py_bytearray", n) - number(56))
    }

    /// An `io.BytesIO` of `n` bytes that were written one by one (`Modules/_io/bytesio.c`). Written in larger parts it
    /// takes between `n + 113` bytes and this.
    pub fn bytesio_grown(self, n: &Formula) -> Cost {
        Cost::block(80).and(named("py_bytesio", n) - number(80))
    }

    /// An `io.BytesIO(data)`: it shares the data until the first write.
    pub fn bytesio_sharing(self) -> Cost {
        Cost::block(80)
    }

    // ---- Sequences ----

    /// A tuple of `n` elements; the empty one exists already. `PyTupleObject` (`Include/cpython/tupleobject.h`): 24
    /// bytes and 16 of the garbage collector.
    pub fn tuple(self, n: &Formula) -> Cost {
        if n.is_zero() {
            return Cost::free();
        }
        Cost::block(number(8) * n.clone() + number(40))
    }

    /// A new list of `n` elements. `PyListObject` (`Include/cpython/listobject.h`): 40 bytes and 16 of the garbage
    /// collector, and a block of pointers. `Objects/listobject.c`: `list_preallocate_exact` rounds up to an even
    /// number since 3.10; `list_extend` of an empty list calls it since 3.10, and `list_resize` before; of a dict it
    /// calls `list_resize` since 3.13 (`list_extend_dict`).
    pub fn list(self, n: &Formula, elements: Elements) -> Cost {
        let exact = number(8) * n.clone();
        let even = number(16) * (n / &number(2)).ceil();
        let resized = || named("py_list_resize", n) - number(56);
        let items = match elements {
            Elements::Exact => exact,
            Elements::Sized if self.is_before(Version::Py310) => exact,
            Elements::Dict if self.is_before(Version::Py310) => exact,
            Elements::Dict if !self.is_before(Version::Py313) => resized(),
            Elements::Extended if self.is_before(Version::Py310) => resized(),
            Elements::Sized | Elements::Extended | Elements::Dict => even,
            Elements::Unsized => named("py_list_iter", n) - number(56),
            Elements::Appended => named("py_list", n) - number(56),
        };
        Cost::block(56).and(items)
    }

    /// A list display `[a, b, c]`: exactly as many (`BUILD_LIST`). A display of three or more constants is an
    /// [extended](Elements::Extended) one: the constants are a tuple of the code object.
    pub fn list_literal(self, n: &Formula) -> Cost {
        self.list(n, Elements::Exact)
    }

    /// A list that grew to `n` elements by appends, and a comprehension.
    pub fn list_grown(self, n: &Formula) -> Cost {
        self.list(n, Elements::Appended)
    }

    /// A `collections.deque` of `n` appended elements: blocks of 64 pointers and two links, the first half full
    /// (`Modules/_collectionsmodule.c`: `BLOCKLEN`, `CENTER`; since 3.11 the object holds its own 16 free blocks).
    pub fn deque(self, n: &Formula) -> Cost {
        let header = if self.is_before(Version::Py311) { 96 } else { 232 };
        let more = Formula::max(vec![((n - &number(32)) / number(64)).ceil(), Formula::zero()]);
        Cost::block(header).and_many(Formula::one() + more, 528)
    }

    // ---- Dicts and sets ----

    /// A dict of `n` keys that were inserted one by one; a comprehension, a display, a copy and `dict(zip(…))` end with
    /// the same table. `PyDictObject` (`Include/cpython/dictobject.h`): 48 bytes and 16 of the garbage collector; see
    /// [`dict_bytes`](crate::formula::function::dict_bytes) for the table.
    pub fn dict_grown(self, n: &Formula, keys: Keys) -> Cost {
        let (name, peak) = match keys {
            _ if self.is_before(Version::Py311) => ("py39_dict", "py39_dict_peak"),
            Keys::Str => ("py_dict_str", "py_dict_str_peak"),
            Keys::Any => ("py_dict", "py_dict_peak"),
        };
        let bytes = named(name, n);
        let transient = named(peak, n) - bytes.clone();
        Cost::block(64).and(bytes - number(64)).with_transient(transient)
    }

    /// `dict(d)`, `d.copy()` or a display of `n` keys: as [grown](Self::dict_grown), without the tables in between.
    pub fn dict_copy(self, n: &Formula, keys: Keys) -> Cost {
        Cost { transient: None, ..self.dict_grown(n, keys) }
    }

    /// A set or frozenset of `n` elements that were added one by one; `set(x)` of a list, a display. See
    /// [`set_bytes`](crate::formula::function::set_bytes): `PySetObject` (`Include/cpython/setobject.h`) has 8 slots of
    /// its own.
    pub fn set_grown(self, n: &Formula) -> Cost {
        let bytes = named("py_set", n);
        let transient = named("py_set_peak", n) - bytes.clone();
        Cost::block(216).and(bytes - number(216)).with_transient(transient)
    }

    /// `set(s)`, `s.copy()` of a set of `n` elements.
    pub fn set_copy(self, n: &Formula) -> Cost {
        Cost::block(216).and(named("py_set_copy", n) - number(216))
    }

    /// A subclass of dict of the standard library of `n` keys: `defaultdict`, `Counter`.
    /// Before 3.10 `dict.__new__` of a subclass made a table at once (`dict_new` in `Objects/dictobject.c`).
    pub fn default_dict(self, n: &Formula, keys: Keys) -> Cost {
        self.dict_subclass(8, n, keys)
    }

    /// A `collections.Counter` of `n` keys; see [`Self::default_dict`]. An instance of a Python class: a dict of
    /// attributes and weak references.
    pub fn counter(self, n: &Formula, keys: Keys) -> Cost {
        let more = if self.version == Version::Py311 { 24 } else { 16 };
        self.dict_subclass(more, n, keys)
    }

    /// A `collections.OrderedDict` of `n` keys: a node of 32 bytes a key and an index of nodes
    /// (`Objects/odictobject.c`). Rough: the index is taken to have three slots a key, its most.
    pub fn ordered_dict(self, n: &Formula, keys: Keys) -> Cost {
        let slots = number(8) * Formula::max(vec![number(3) * n.clone(), number(8)]);
        let index = if n.is_zero() { Formula::zero() } else { slots };
        self.dict_subclass(64, n, keys).and(index).and_many(n.clone(), 32).rough()
    }

    fn dict_subclass(self, more: u64, n: &Formula, keys: Keys) -> Cost {
        let at_least =
            if self.is_before(Version::Py310) { Formula::max(vec![n.clone(), Formula::one()]) } else { n.clone() };
        let mut cost = self.dict_grown(&at_least, keys);
        if let Some(object) = cost.blocks.first_mut() {
            object.bytes = number(64 + more);
        }
        cost
    }

    // ---- Instances ----

    /// An instance with `attributes` values of its own, which are not counted.
    ///
    /// * 3.9, 3.10: 48 bytes with the pointers to the dict and the weak references; the dict (64 bytes) and the values
    ///   of a split table come with the first attribute (`Objects/dictobject.c`, `new_dict_with_shared_keys`).
    /// * 3.11, 3.12: the values alone, `new_values` in `Objects/dictobject.c`: room for one more than the class knows,
    ///   and a prefix of a byte each and 2; more than 29 attributes make it a dict of its own.
    /// * 3.13: the values are in the object (`_PyInlineValuesSize` in `Include/internal/pycore_dict.h`).
    ///
    /// Reading `__dict__` (`vars(x)`) makes a dict of 64 bytes more, from 3.11 on.
    pub fn instance(self, attributes: u64, layout: InstanceLayout) -> Cost {
        match layout {
            InstanceLayout::Slots => return Cost::block(32 + 8 * attributes.min(MOST_ATTRIBUTES)),
            InstanceLayout::NamedTuple => return Cost::block(48 + 8 * attributes.min(MOST_ATTRIBUTES)),
            InstanceLayout::Dict | InstanceLayout::FirstOfClass => {}
        }
        let attributes = attributes.min(MOST_ATTRIBUTES);
        if self.is_before(Version::Py311) {
            if attributes == 0 {
                return Cost::block(48);
            }
            let mut slots: u64 = 8;
            while (slots << 1) / 3 < attributes {
                slots *= 2;
            }
            return Cost::block(48).and(64).and((slots << 1) / 3 * 8);
        }
        let room = match layout {
            InstanceLayout::FirstOfClass => SHARED_KEYS - 1,
            _ => (attributes + 1).min(SHARED_KEYS - 1),
        };
        let object = if self.version == Version::Py311 { 56 } else { 48 };
        let inline = !self.is_before(Version::Py313);
        let values =
            if inline { room.next_multiple_of(8) + 8 * (room + 1) } else { (room + 2).next_multiple_of(8) + 8 * room };
        if attributes < SHARED_KEYS {
            return if inline { Cost::block(object + values) } else { Cost::block(object).and(values) };
        }
        // The 31st attribute makes a table of its own, for three times the keys, which then grows as a dict.
        let table = self.dict_copy(&number(attributes.max(43)), Keys::Str);
        Cost::block(if inline { object + values } else { object }).plus(table)
    }

    /// A generator, coroutine or async generator whose code has `locals` variables (cells and free ones too) and a
    /// stack of `stack` values. From 3.11 on the frame is part of it (`_PyInterpreterFrame` in
    /// `Include/internal/pycore_frame.h`); before, it is a frame object of its own. Rough.
    pub fn generator(self, locals: u64, stack: u64) -> Cost {
        let slots = 8 * locals.saturating_add(stack).min(MOST_ATTRIBUTES);
        match self.version {
            Version::Py39 => Cost::block(112).and(384 + slots).rough(),
            Version::Py310 => Cost::block(104).and(376 + slots).rough(),
            Version::Py311 | Version::Py312 | Version::Py313 | Version::Py314 => Cost::block(168 + slots).rough(),
        }
    }

    /// The frame of a call of a Python function. From 3.11 on it lies on the thread's own stack of 16 KiB chunks and
    /// more (`_PyThreadState_PushFrame` in `Python/pystate.c`), and takes nothing of its own; before, frames are
    /// kept by the code object (`co_zombieframe`, until 3.9) or a free list. Rough.
    pub fn frame(self, locals: u64, stack: u64) -> Cost {
        if self.is_before(Version::Py311) {
            Cost::block(384 + 8 * locals.saturating_add(stack).min(MOST_ATTRIBUTES)).rough()
        } else {
            Cost::free().rough()
        }
    }

    // ---- The rest ----

    /// An object of a fixed size. The sizes are `tp_basicsize` and the header of the garbage collector; of subclasses
    /// of Python's own, what `PyType_GenericAlloc` (`Objects/typeobject.c`) requests.
    pub fn object(self, object: Object) -> Cost {
        let before_311 = self.is_before(Version::Py311);
        let before_312 = self.is_before(Version::Py312);
        match object {
            // `Objects/typeobject.c`, `object_new`.
            Object::Object => Cost::block(16),
            // `Objects/object.c`, `Objects/boolobject.c`: static.
            Object::Singleton => Cost::free(),
            // `Include/cpython/floatobject.h`, `complexobject.h`.
            Object::Float => Cost::block(24),
            Object::Complex => Cost::block(32),
            // `Objects/rangeobject.c`, `rangeobject`.
            Object::Range => Cost::block(48),
            // `Include/sliceobject.h`, `PySliceObject`, and 16.
            Object::Slice => Cost::block(56),
            // `Include/cpython/memoryobject.h` (`Include/memoryobject.h`): `PyMemoryViewObject` of one dimension, and
            // `_PyManagedBufferObject`.
            Object::MemoryView => Cost::block(184).and(128),
            // `Include/cpython/classobject.h`, `PyMethodObject`, and 16.
            Object::BoundMethod => Cost::block(64),
            // `Include/cpython/funcobject.h`, `PyFunctionObject`, and 16.
            Object::Function => Cost::block(match self.version {
                Version::Py39 => 136,
                Version::Py310 => 144,
                Version::Py311 => 152,
                Version::Py312 | Version::Py313 | Version::Py314 => 160,
            }),
            // `Include/cpython/cellobject.h` (`Include/cellobject.h`), and 16.
            Object::Cell => Cost::block(40),
            // `Include/cpython/pyerrors.h`, `PyBaseExceptionObject` (with notes since 3.11), `PyOSErrorObject`.
            Object::Exception => Cost::block(if before_311 { 80 } else { 88 }),
            Object::OsError => Cost::block(if before_311 { 120 } else { 128 }),
            // `Include/datetime.h`: `_PyDateTime_BaseDateTime` and its kin.
            Object::DateTime | Object::TimeDelta => Cost::block(40),
            Object::Date | Object::Time => Cost::block(32),
            // `Modules/_decimal/_decimal.c`, `PyDecObject`: four words of 19 digits inside.
            Object::Decimal => Cost::block(if self.is_before(Version::Py313) { 104 } else { 120 }),
            // `Lib/uuid.py`: `__slots__` int, is_safe, weak references.
            Object::Uuid => Cost::block(56).rough(),
            // `Lib/pathlib.py`: slots.
            Object::Path => Cost::block(if before_312 { 88 } else { 112 }).rough(),
            // `Modules/_io/stringio.c`, `stringio`: with its accumulator.
            Object::StringIo => Cost::block(if before_312 { 200 } else { 192 }).rough(),
            // `Objects/moduleobject.c`: the object and its dict.
            Object::Module => Cost::block(72).plus(self.dict_copy(&number(5), Keys::Str)).rough(),
            // `PyHeapTypeObject` (`Include/cpython/object.h`), its dict, its mro, its cached keys.
            Object::Class => Cost::block(match self.version {
                Version::Py39 | Version::Py310 => 1072,
                Version::Py311 => 1688,
                Version::Py312 => 1704,
                Version::Py313 | Version::Py314 => 1712,
            })
            .plus(self.dict_copy(&number(5), Keys::Str))
            .rough(),
            // `Modules/_io/{fileio,bufferedio,textio}.c`; `DEFAULT_BUFFER_SIZE` is 8192 (`Modules/_io/_iomodule.h`).
            Object::BinaryFile => Cost::block(88).and(176).and(8192).rough(),
            Object::TextFile => self.object(Object::BinaryFile).plus(Cost::block(240).and(600)),
        }
    }

    /// The bytes of an arena, which pymalloc takes from the system at once (`ARENA_BITS` in `Objects/obmalloc.c`,
    /// `Include/internal/pycore_obmalloc.h` since 3.12). Small blocks that are freed stay in their arena, which goes
    /// back only when all of it is free.
    pub fn arena_bytes(self) -> u64 {
        if self.is_before(Version::Py310) { 256 << 10 } else { 1 << 20 }
    }

    /// The bytes of a pool, which holds blocks of one size, and the bytes of its header (`POOL_BITS`,
    /// `POOL_OVERHEAD`).
    pub fn pool_bytes(self) -> (u64, u64) {
        if self.is_before(Version::Py310) { (4 << 10, 48) } else { (16 << 10, 48) }
    }
}

/// More attributes than any class has; keeps the arithmetic within 64 bits.
const MOST_ATTRIBUTES: u64 = 1 << 40;

/// `SHARED_KEYS_MAX_SIZE` in `Include/internal/pycore_dict.h`: instances with more attributes do not share keys.
const SHARED_KEYS: u64 = 30;

fn number(value: u64) -> Formula {
    Formula::integer(value)
}
