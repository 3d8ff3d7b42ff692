import Glibc

/// Writes heads of answers.
struct HTTPResponseEncoder {
    /// How the client learns where the body ends.
    enum Framing: Equatable {
        case length(Int)
        case chunked
        /// By the end of the connection: for HTTP/1.0.
        case untilClose
        /// There is no body, and no line about it.
        case none
    }

    private var date: [UInt8] = []
    private var dateSecond = 0
    /// The status lines sent so far: few, and the same again and again.
    private var statusLines: [UInt16: [UInt8]] = [:]

    /// Appends the head, with the empty line that ends it.
    mutating func append(
        _ response: HTTPResponse, framing: Framing, minorVersion: Int, keepsAlive: Bool, to output: inout [UInt8]
    ) {
        appendStatusLine(response.status, to: &output)
        for field in response.headers where !Self.isOwn(field.name) { output.append(field) }
        switch framing {
        case .length(let count):
            output.append("Content-Length: ")
            output.append(decimal: count)
            output.append("\r\n")
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .untilClose, .none: break
        }
        if !keepsAlive {
            output.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
        appendDate(to: &output)
        output.append("\r\n")
    }

    mutating func appendStatusLine(_ status: HTTPStatus, to output: inout [UInt8]) {
        if let line = statusLines[status.rawValue] {
            output.append(contentsOf: line)
            return
        }
        let line = Array("HTTP/1.1 \(status.rawValue) \(status.reason)\r\n".utf8)
        statusLines[status.rawValue] = line
        output.append(contentsOf: line)
    }

    /// The `Date` line, made once a second.
    mutating func appendDate(to output: inout [UInt8]) {
        let now = time(nil)
        if now != dateSecond || date.isEmpty {
            dateSecond = now
            date = Array("Date: \(HTTPDate.text(now))\r\n".utf8)
        }
        output.append(contentsOf: date)
    }

    private static func isOwn(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: equalsIgnoringCase(name.utf8, "date".utf8)
        case 10: equalsIgnoringCase(name.utf8, "connection".utf8)
        case 14: equalsIgnoringCase(name.utf8, "content-length".utf8)
        case 17: equalsIgnoringCase(name.utf8, "transfer-encoding".utf8)
        default: false
        }
    }
}

/// Dates as HTTP writes them.
package enum HTTPDate {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` for 784111777 seconds since 1970.
    package static func text(_ seconds: Int) -> String {
        var parts = tm()
        var seconds = seconds
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let two = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        append(contentsOf: text.utf8)
    }

    /// `name: value`, with spaces where control characters could begin another line.
    mutating func append(_ field: HTTPField) {
        let start = count
        append(contentsOf: field.name.utf8)
        append(": ")
        append(contentsOf: field.value.utf8)
        for index in start..<count where !ByteClass.isFieldValue(self[index]) { self[index] = 0x20 }
        append("\r\n")
    }

    mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }

    mutating func append(hexadecimal number: Int) {
        if number >= 16 { append(hexadecimal: number >> 4) }
        let digit = UInt8(truncatingIfNeeded: number & 0xF)
        append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
}
