//! Patterns of names, as people write them on the command line and in files of settings.

/// Whether a name fits a pattern: `*` is any text, `?` one character.
pub fn fits(pattern: &str, name: &str) -> bool {
    // Greedy, with one place to come back to: linear for one star, no recursion.
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star): (usize, usize, Option<(usize, usize)>) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_and_question_marks() {
        let cases = [
            ("*", "", true),
            ("*", "any.thing", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.handler", "app.handler", true),
            ("*.handler", "app.handler.x", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "a", false),
            ("*", "a", true),
            ("a*c", "abbc", true),
            ("?", "x", true),
            ("src/*:*", "src/a/b.py:f", true),
            ("**a", "a", true),
            ("a", "ab", false),
            ("?", "", false),
            ("a*c", "ab", false),
            ("*b", "a", false),
            ("é*", "équipe", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
