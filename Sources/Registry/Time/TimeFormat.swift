package import GEM

/// Writes moments as ISO 8601 with an offset, in one zone: `2026-01-21T19:38:00+08:00`.
package struct TimeFormat: Sendable {
    package let zone: TimeZoneRules

    package init(zone: TimeZoneRules) { self.zone = zone }

    /// To the second, as records and answers have it.
    package func text(_ time: Timestamp) -> String { Self.string(characters(time)) }

    /// To the millisecond, as log lines have it.
    package func logText(_ time: Timestamp) -> String { Self.string(characters(time, withMilliseconds: true)) }

    /// Writes `time` to the second as a JSON string.
    package func write(_ time: Timestamp, to writer: inout JSONWriter) {
        let characters = characters(time)
        writer.string(characters.bytes.span.extracting(0..<characters.count))
    }

    private static func string(_ characters: Characters) -> String {
        characters.bytes.span.extracting(0..<characters.count).withUnsafeBufferPointer {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Room for `9999-12-31T23:59:59.999+00:00`.
    private struct Characters {
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        var count = 0

        @inline(__always)
        mutating func put(_ byte: UInt8) {
            bytes[count] = byte
            count += 1
        }

        @inline(__always)
        mutating func put(two number: Int) {
            put(0x30 + UInt8(truncatingIfNeeded: number / 10))
            put(0x30 + UInt8(truncatingIfNeeded: number % 10))
        }
    }

    private func characters(_ time: Timestamp, withMilliseconds: Bool = false) -> Characters {
        let offset = zone.offset(at: time)
        let local = Int(time.seconds) + offset
        let days = floorDivide(local, 86_400)
        let date = CalendarDate(daysSince1970: days)
        let second = local - days * 86_400
        // Four digits are what ISO 8601 has; a clock beyond them is wrong anyway.
        let year = min(max(date.year, 0), 9999)
        var text = Characters()
        text.put(two: year / 100)
        text.put(two: year % 100)
        text.put(UInt8(ascii: "-"))
        text.put(two: date.month)
        text.put(UInt8(ascii: "-"))
        text.put(two: date.day)
        text.put(UInt8(ascii: "T"))
        text.put(two: second / 3600)
        text.put(UInt8(ascii: ":"))
        text.put(two: second / 60 % 60)
        text.put(UInt8(ascii: ":"))
        text.put(two: second % 60)
        if withMilliseconds {
            text.put(UInt8(ascii: "."))
            text.put(0x30 + UInt8(truncatingIfNeeded: time.milliseconds / 100))
            text.put(two: time.milliseconds % 100)
        }
        text.put(UInt8(ascii: offset < 0 ? "-" : "+"))
        text.put(two: abs(offset) / 3600)
        text.put(UInt8(ascii: ":"))
        text.put(two: abs(offset) / 60 % 60)
        return text
    }
}
