//! Which part of a file is asked for (RFC 9110, 14).

/// What a `Range` header asks of a file of `length` bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// All of it: there is no range, or none that counts here, as several at once.
    Whole,
    /// From the first to the last byte, both counted.
    Part { first: u64, last: u64 },
    /// Nothing that the file has.
    Outside,
}

pub(super) fn asked(header: Option<&str>, length: u64) -> Asked {
    let Some(range) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = range.split_once('-') else { return Asked::Whole };
    let number = |text: &str| {
        let text = text.trim();
        // `parse` would take a sign; nothing is read as 0.
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| if text.is_empty() { 0 } else { text.parse().unwrap_or(u64::MAX) })
    };
    let Some(last_number) = number(last) else { return Asked::Whole };
    match (first.trim(), last.trim()) {
        ("", "") => Asked::Whole,
        // The last so many bytes.
        ("", _) if last_number == 0 || length == 0 => Asked::Outside,
        ("", _) => Asked::Part { first: length.saturating_sub(last_number), last: length - 1 },
        (first, last) => match number(first) {
            None => Asked::Whole,
            Some(first) if !last.is_empty() && last_number < first => Asked::Whole,
            Some(first) if first >= length => Asked::Outside,
            Some(first) if last.is_empty() => Asked::Part { first, last: length - 1 },
            Some(first) => Asked::Part { first, last: last_number.min(length - 1) },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |first, last| Asked::Part { first, last };
        let cases = [
            ("bytes=0-9", part(0, 9)),
            ("bytes=90-", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=0-99999999999999999999999999", part(0, 99)),
            ("bytes=99-99", part(99, 99)),
            ("bytes=100-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=9-0", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-9", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (header, wanted) in cases {
            assert_eq!(asked(Some(header), 100), wanted, "{header}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
    }
}
