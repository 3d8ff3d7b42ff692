import GEM
import Registry

/// Times of day in the five fields of cron: minute, hour, day of the month, month, day of the week.
///
/// The grammar is Vixie cron's: lists, ranges, steps, three-letter names, 7 for Sunday too, `@hourly` and its like; where both days are
/// restricted, either may match. A time that daylight saving skips comes as soon as the clock goes on; one that it repeats comes
/// once, unless the hour is a star: then it comes whenever the clock shows it.
struct CronExpression: Sendable, Equatable, CustomStringConvertible {
    let description: String
    private let minutes: Set<Int>
    private let hours: Set<Int>
    private let days: Set<Int>
    private let months: Set<Int>
    private let weekdays: Set<Int>
    private let isEveryHour: Bool
    private let restrictsDays: Bool
    private let restrictsWeekdays: Bool

    /// - Throws: ``Failure`` of kind `invalidArgument` that names the field.
    init(_ text: String) throws(Failure) {
        let short = [
            "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
            "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
        ]
        guard text.utf8.count <= 500 else {
            throw Failure(.invalidArgument, "A cron expression has at most 500 characters.")
        }
        let fields = (short[text.lowercased()] ?? text).split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count == 5 else {
            throw Failure(
                .invalidArgument,
                "'\(text)' is no cron expression: it needs five fields (minute, hour, day, month, day of the week), or is one of \(short.keys.sorted().joined(separator: ", "))."
            )
        }
        description = text
        minutes = try Self.field(fields[0], "minute", 0...59)
        hours = try Self.field(fields[1], "hour", 0...23)
        days = try Self.field(fields[2], "day", 1...31)
        months = try Self.field(
            fields[3], "month", 1...12,
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
        weekdays = Set(
            try Self.field(fields[4], "day of the week", 0...7, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
                .map { $0 % 7 })
        isEveryHour = fields[1].hasPrefix("*")
        restrictsDays = !fields[2].hasPrefix("*")
        restrictsWeekdays = !fields[4].hasPrefix("*")
        guard next(after: Timestamp(seconds: 0), in: .utc) != nil else {
            throw Failure(.invalidArgument, "'\(text)' is a day that never comes.")
        }
    }

    /// The first moment behind `time` that matches; `nil` where there is none in the next nine years.
    func next(after time: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        let second = Int(time.seconds)
        // The day before: what its last hours skip may come after midnight.
        let first = Self.floorDivide(second + zone.offset(at: time), 86_400) - 1
        for day in first..<first + 9 * 366 {
            guard matches(CalendarDate(daysSince1970: day)) else { continue }
            var next = Int.max
            for hour in hours {
                for minute in minutes {
                    let local = (day * 24 + hour) * 3600 + minute * 60
                    for moment in moments(ofLocal: local, in: zone) where moment > second { next = min(next, moment) }
                }
            }
            if next < .max { return Timestamp(seconds: Int64(next)) }
        }
        return nil
    }

    private func matches(_ date: CalendarDate) -> Bool {
        guard months.contains(date.month) else { return false }
        let (day, weekday) = (days.contains(date.day), weekdays.contains(date.weekday))
        return restrictsDays && restrictsWeekdays ? day || weekday : day && weekday
    }

    /// When the clock on the wall shows `local`, in seconds since 1970 as if there were no zone: once as a rule, twice when it is set
    /// back, never when it is set forward.
    private func moments(ofLocal local: Int, in zone: TimeZoneRules) -> [Int] {
        let offset = { (second: Int) in zone.offset(at: Timestamp(seconds: Int64(second))) }
        // No zone changes twice within these hours.
        let (before, after) = (offset(local - 26 * 3600), offset(local + 26 * 3600))
        let found = Set([before, after].map { local - $0 }.filter { offset($0) == local - $0 }).sorted()
        if found.count == 2, !isEveryHour { return [found[0]] }
        guard found.isEmpty else { return found }
        if isEveryHour { return [] }
        // Skipped: the moment at which the clock goes on.
        var (low, high) = (local - 26 * 3600, local + 26 * 3600)
        while high - low > 1 {
            let middle = (low + high) / 2
            if offset(middle) == before { low = middle } else { high = middle }
        }
        return [high]
    }

    private static func floorDivide(_ value: Int, _ by: Int) -> Int {
        value >= 0 ? value / by : -((-value + by - 1) / by)
    }

    // MARK: The grammar

    private static func field(
        _ text: String, _ name: String, _ range: ClosedRange<Int>, _ words: [String] = []
    ) throws(Failure) -> Set<Int> {
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            var (span, step) = (range, 1)
            let bounds = pieces[0].split(separator: "-", omittingEmptySubsequences: false).map {
                number($0, range, words)
            }
            if pieces[0] != "*" {
                guard let low = bounds[0], bounds.count <= 2, let high = bounds.count == 2 ? bounds[1] : low,
                    low <= high
                else {
                    throw wrong(text, name, range)
                }
                span = bounds.count == 1 && pieces.count == 2 ? low...range.upperBound : low...high
            }
            if pieces.count > 1 {
                guard pieces.count == 2, let number = Int(pieces[1]), 1...range.upperBound + 1 ~= number else {
                    throw wrong(text, name, range)
                }
                step = number
            }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return values
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>, _ words: [String]) -> Int? {
        if let place = words.firstIndex(of: text.lowercased()) { return place + range.lowerBound }
        guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(text) else { return nil }
        return range.contains(number) ? number : nil
    }

    private static func wrong(_ text: String, _ name: String, _ range: ClosedRange<Int>) -> Failure {
        Failure(
            .invalidArgument,
            "'\(text)' is no \(name) of a cron expression: write numbers from \(range.lowerBound) to \(range.upperBound), ranges, lists, or steps such as */5."
        )
    }
}
