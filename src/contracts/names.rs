//! Names with alternatives: `numpy.{sin,cos}` is `numpy.sin` and `numpy.cos`.
//!
//! The build script shares this file. Depends on nothing.

/// All names that a name with (at most one) list of alternatives stands for.
pub fn expand(name: &str) -> Vec<String> {
    let (Some(open), Some(close)) = (name.find('{'), name.rfind('}')) else {
        return vec![name.to_owned()];
    };
    if close < open {
        return vec![name.to_owned()];
    }
    let (before, after) = (&name[..open], &name[close + 1..]);
    name[open + 1..close].split(',').map(|middle| format!("{before}{}{after}", middle.trim())).collect()
}
