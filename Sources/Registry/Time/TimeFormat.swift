/// Writes moments as ISO 8601 with an offset, in one zone: `2026-01-21T19:38:00+08:00`.
package struct TimeFormat: Sendable {
    package let zone: TimeZoneRules

    package init(zone: TimeZoneRules) { self.zone = zone }

    /// To the second, as records and answers have it.
    package func text(_ time: Timestamp) -> String { write(time, withMilliseconds: false) }

    /// To the millisecond, as log lines have it.
    package func logText(_ time: Timestamp) -> String { write(time, withMilliseconds: true) }

    private func write(_ time: Timestamp, withMilliseconds: Bool) -> String {
        let offset = zone.offset(at: time)
        let local = Int(time.seconds) + offset
        let days = floorDivide(local, 86_400)
        let date = CalendarDate(daysSince1970: days)
        let second = local - days * 86_400
        return String(unsafeUninitializedCapacity: 40) { buffer in
            var end = 0
            func put(_ byte: UInt8) {
                buffer[end] = byte
                end += 1
            }
            func put(_ number: Int, digits: Int) {
                var divisor = 1
                for _ in 1..<digits { divisor *= 10 }
                while divisor > 0 {
                    put(0x30 + UInt8(number / divisor % 10))
                    divisor /= 10
                }
            }
            // Four digits are what ISO 8601 has; a clock beyond them is wrong anyway.
            put(min(max(date.year, 0), 9999), digits: 4)
            put(UInt8(ascii: "-"))
            put(date.month, digits: 2)
            put(UInt8(ascii: "-"))
            put(date.day, digits: 2)
            put(UInt8(ascii: "T"))
            put(second / 3600, digits: 2)
            put(UInt8(ascii: ":"))
            put(second / 60 % 60, digits: 2)
            put(UInt8(ascii: ":"))
            put(second % 60, digits: 2)
            if withMilliseconds {
                put(UInt8(ascii: "."))
                put(time.milliseconds, digits: 3)
            }
            put(UInt8(ascii: offset < 0 ? "-" : "+"))
            put(abs(offset) / 3600, digits: 2)
            put(UInt8(ascii: ":"))
            put(abs(offset) / 60 % 60, digits: 2)
            return end
        }
    }
}
