import Foundation
import Glibc
import Testing

@testable import Registry

@Suite struct TimeTests {
    /// Every other zone of the database against the C library's reading of the same files, at moments that lie on both
    /// sides of many changes. In a process of its own, because the zone is a variable of the process.
    @Test func zonesAgreeWithTheCLibrary() async {
        await #expect(processExitsWith: .success) {
            let names = TimeZone.knownTimeZoneIdentifiers.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
            var differences: [String] = []
            for name in names where access("/usr/share/zoneinfo/" + name, R_OK) == 0 {
                let rules = try TimeZoneRules(named: name)
                setenv("TZ", ":" + name, 1)
                tzset()
                // 1971 to 2045 in steps of about 37 days and a prime number of seconds.
                for second in stride(from: 40_000_007, to: 2_380_000_000, by: 3_200_003) {
                    var (time, parts) = (time_t(second), tm())
                    try #require(localtime_r(&time, &parts) != nil)
                    let found = rules.offset(at: Timestamp(seconds: Int64(second)))
                    if found != parts.tm_gmtoff { differences.append("\(name) \(second): \(found)") }
                }
            }
            try #require(names.count > 200 && differences.prefix(5) == [])
        }
    }

    @Test(arguments: [
        ("Asia/Shanghai", 1_768_995_480, "2026-01-21T19:38:00+08:00"),
        ("UTC", 0, "1970-01-01T00:00:00+00:00"),
        ("UTC", -1, "1969-12-31T23:59:59+00:00"),
        ("UTC", 951_827_696, "2000-02-29T12:34:56+00:00"),
        ("America/New_York", 1_773_039_599, "2026-03-09T02:59:59-04:00"),
        ("America/New_York", 1_772_953_199, "2026-03-08T01:59:59-05:00"),
        ("America/New_York", 1_772_953_200, "2026-03-08T03:00:00-04:00"),
        ("Asia/Kathmandu", 1_768_995_480, "2026-01-21T17:23:00+05:45"),
        ("America/St_Johns", 4_102_444_800, "2099-12-31T20:30:00-03:30"),
        ("Europe/Berlin", 4_087_000_000, "2099-07-06T07:46:40+02:00"),
        ("UTC", 253_402_300_799, "9999-12-31T23:59:59+00:00"),
    ])
    func writesISO8601(zone: String, second: Int64, text: String) throws {
        let format = TimeFormat(zone: try TimeZoneRules(named: zone))
        #expect(format.text(Timestamp(seconds: second)) == text)
    }

    @Test func logLinesHaveMilliseconds() {
        let format = TimeFormat(zone: .shanghai)
        #expect(format.logText(Timestamp(microseconds: 1_768_995_480_012_999)) == "2026-01-21T19:38:00.012+08:00")
        #expect(format.logText(Timestamp(microseconds: -1)) == "1970-01-01T07:59:59.999+08:00")
    }

    @Test(arguments: ["", "../../etc/passwd", "/etc/passwd", "Nowhere/City", "Asia", "tzdata.zi", "a\nb"])
    func refusesWhatIsNoZone(name: String) {
        #expect(RegistryError.code { _ = try TimeZoneRules(named: name) } == .invalidArgument)
    }

    @Test func twoZonesNeedNoDatabase() throws {
        #expect(try TimeZoneRules(named: "Asia/Shanghai", in: "/nowhere") == .shanghai)
        #expect(try TimeZoneRules(named: "UTC", in: "/nowhere") == .utc)
    }

    @Test func anyPrefixOfAZoneFileIsReadOrRefused() throws {
        let file = [UInt8](try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/America/New_York")))
        // No prefix may crash; nothing short of the second header is a zone.
        let readable = (0..<file.count).filter { TimeZoneRules(name: "x", file: Array(file[..<$0])) != nil }
        #expect((readable.first ?? file.count) > file.count / 2)
        #expect(TimeZoneRules(name: "x", file: file) != nil)
    }

    @Test(arguments: [
        ("CST-8", true), ("EST5EDT,M3.2.0,M11.1.0", true), ("<+0330>-3:30", true), ("IST-1GMT0,M10.5.0,M3.5.0/1", true),
        ("", false), ("5", false), ("EST", false), ("EST5EDT,J60,J300", false), ("EST5EDT,M13.1.0,M1.1.0", false),
        ("EST5EDT,M3.2.0", false),
    ])
    func readsPOSIXRules(text: String, isRule: Bool) { #expect((DaylightRule(text) != nil) == isRule) }

    @Test func theEndsOfTimeAreNotPassed() {
        #expect(Timestamp(microseconds: .max - 1).advanced(bySeconds: 1).microseconds == .max)
        #expect(Timestamp(seconds: 1).advanced(bySeconds: .max).microseconds == .max)
        #expect(Timestamp(seconds: -1).advanced(bySeconds: .min).microseconds == .min)
    }
}
