import GEM
import Registry
import Testing

@testable import Admin

@Suite struct CronTests {
    /// Times as `date -u -d @…` shows them; zones from the machine's own database.
    @Test(arguments: [
        ("*/15 * * * *", "UTC", "2026-01-01T00:00:00+00:00", ["00:15", "00:30", "00:45", "01:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00+00:00", ["2028-02-29T00:00"]),
        ("30 4 1,15 * 5", "UTC", "2026-05-01T00:00:00+00:00", ["01T04:30", "08T04:30", "15T04:30", "22T04:30"]),
        ("0 9 * * mon-fri", "Asia/Shanghai", "2026-11-20T10:00:00+08:00", ["23T09:00", "24T09:00"]),
        ("0 0 * * 7", "UTC", "2026-11-21T00:00:00+00:00", ["22T00:00", "29T00:00"]),
        ("5-10/2 3 * jan,DEC *", "UTC", "2026-11-30T00:00:00+00:00", ["12-01T03:05", "12-01T03:07", "12-01T03:09"]),
        ("50/5 3 * * *", "UTC", "2026-11-30T00:00:00+00:00", ["03:50", "03:55", "12-01T03:50"]),
        ("@daily", "UTC", "2026-12-31T23:59:59+00:00", ["2027-01-01T00:00"]),
        // Berlin, 29 March 2026: 02:00 becomes 03:00. What is skipped comes when the clock goes on.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", ["29T03:00:00+02:00", "30T02:30:00+02:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:20:00+01:00", ["01:30:00+01:00", "03:00:00+02:00"]),
        // 25 October 2026: 03:00 becomes 02:00. A fixed hour comes once, every hour comes as often as it is shown.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", ["25T02:30:00+02:00", "26T02:30:00+01:00"]),
        (
            "30 * * * *", "Europe/Berlin", "2026-10-25T02:00:00+02:00",
            ["02:30:00+02:00", "02:30:00+01:00", "03:30:00+01:00"]
        ),
        // A zone half an hour off, and one whose clocks change by half an hour.
        ("0 12 * * *", "Asia/Kolkata", "2026-11-21T12:00:00+05:30", ["22T12:00:00+05:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", ["04T02:30:00+11:00", "05T02:15:00+11:00"]),
    ])
    func comes(_ text: String, _ zone: String, _ start: String, _ expected: [String]) throws {
        let zone = try TimeZoneRules(named: zone)
        let format = TimeFormat(zone: zone)
        let cron = try CronExpression(text)
        var time = try #require(timestamp(start))
        for part in expected {
            time = try #require(cron.next(after: time, in: zone))
            #expect(format.text(time).contains(part), "\(text) after \(start)")
        }
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
        "5-1 * * * *", "a * * * *", "* * 30 2 *", "1,,2 * * * *", "-1 * * * *", "1- * * * *", "@never", "+1 * * * *",
    ])
    func refusesWhatNeverComesOrIsNone(_ text: String) {
        #expect(throws: Failure.self) { try CronExpression(text) }
    }

    private func timestamp(_ text: String) -> Timestamp? {
        let numbers = text.split { !$0.isNumber }.compactMap { Int64($0) }
        guard numbers.count == 8 else { return nil }
        let days = CalendarDate(year: Int(numbers[0]), month: Int(numbers[1]), day: Int(numbers[2])).daysSince1970
        let offset = (numbers[6] * 60 + numbers[7]) * 60 * (text.contains("+") ? 1 : -1)
        return Timestamp(
            seconds: Int64(days) * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5] - offset)
    }
}
