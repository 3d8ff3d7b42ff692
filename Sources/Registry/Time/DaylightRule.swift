/// The rule by which a zone goes on behind the last change its file lists, as POSIX writes it: `CST-8` or
/// `EST5EDT,M3.2.0,M11.1.0`.
struct DaylightRule: Equatable, Sendable {
    /// Seconds east of Greenwich outside daylight saving time.
    let standard: Int
    /// Seconds east of Greenwich during it, and when it begins and ends; `nil` where the zone has none.
    let daylight: (offset: Int, begin: Change, end: Change)?

    /// "The week-th weekday of a month, at a second of local time"; week 5 is the last.
    struct Change: Equatable, Sendable {
        let month: Int
        let week: Int
        let weekday: Int
        let second: Int

        /// The change of `year`, in seconds since 1970 on the local clock.
        func localSecond(in year: Int) -> Int {
            let first = CalendarDate(year: year, month: month, day: 1)
            var day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            let next =
                month == 12
                ? CalendarDate(year: year + 1, month: 1, day: 1)
                : CalendarDate(year: year, month: month + 1, day: 1)
            while day > next.daysSince1970 - first.daysSince1970 { day -= 7 }
            return (first.daysSince1970 + day - 1) * 86_400 + second
        }
    }

    static func == (one: Self, other: Self) -> Bool {
        one.standard == other.standard && one.daylight?.offset == other.daylight?.offset
            && one.daylight?.begin == other.daylight?.begin && one.daylight?.end == other.daylight?.end
    }

    /// Seconds east of Greenwich at `second` since 1970.
    func offset(at second: Int) -> Int {
        guard let daylight else { return standard }
        let year = CalendarDate(daysSince1970: floorDivide(second + standard, 86_400)).year
        let begin = daylight.begin.localSecond(in: year) - standard
        let end = daylight.end.localSecond(in: year) - daylight.offset
        // South of the equator summer spans the new year.
        let isDaylight = begin < end ? begin..<end ~= second : !(end..<begin ~= second)
        return isDaylight ? daylight.offset : standard
    }

    /// Reads a rule; `nil` for what POSIX allows but no zone of the database uses (days counted through the year).
    init?(_ text: some StringProtocol) {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard reader.skipName(), let west = reader.time() else { return nil }
        standard = -west
        guard !reader.rest.isEmpty else {
            daylight = nil
            return
        }
        guard reader.skipName() else { return nil }
        let summer = reader.rest.first == UInt8(ascii: ",") ? standard + 3600 : reader.time().map { -$0 }
        guard let summer, let begin = reader.change(), let end = reader.change(), reader.rest.isEmpty else {
            return nil
        }
        daylight = (summer, begin, end)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ byte: Character) -> Bool {
            guard let wanted = byte.asciiValue, rest.first == wanted else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number() -> Int? {
            let digits = rest.prefix { 0x30...0x39 ~= $0 }
            guard 1...3 ~= digits.count else { return nil }
            rest = rest.dropFirst(digits.count)
            return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }

        mutating func skipName() -> Bool {
            if take("<") {
                rest = rest.drop { $0 != UInt8(ascii: ">") }
                return take(">")
            }
            let letters = rest.prefix { 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        /// `[+-]h[:mm[:ss]]` in seconds.
        mutating func time() -> Int? {
            let sign = take("-") ? -1 : 1
            _ = take("+")
            guard let hours = number() else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where take(":") {
                guard let part = number() else { return nil }
                seconds += part * unit
            }
            return sign * seconds
        }

        /// `,Mm.w.d[/time]`; the time is 02:00 where none is given.
        mutating func change() -> Change? {
            guard take(","), take("M"), let month = number(), take("."), let week = number(), take("."),
                let weekday = number(), 1...12 ~= month, 1...5 ~= week, 0...6 ~= weekday
            else { return nil }
            guard take("/") else { return Change(month: month, week: week, weekday: weekday, second: 7200) }
            guard let second = time() else { return nil }
            return Change(month: month, week: week, weekday: weekday, second: second)
        }
    }
}

/// Division that rounds towards the past.
func floorDivide(_ dividend: Int, _ divisor: Int) -> Int {
    dividend >= 0 ? dividend / divisor : -((-dividend + divisor - 1) / divisor)
}
