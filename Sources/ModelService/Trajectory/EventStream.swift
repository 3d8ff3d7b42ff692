import GEM

/// Takes a stream of server-sent events apart, in pieces of any size.
struct EventStream: Sendable {
    /// A longer event is left out.
    private static let eventLimit = 16 << 20

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var endsWithReturn = false

    /// The data of the events that `bytes` complete.
    mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        var events: [[UInt8]] = []
        for byte in bytes {
            switch byte {
            case 0x0A where endsWithReturn: break  // the second half of a line's end
            case 0x0A, 0x0D: endLine(&events)
            default: if line.count < Self.eventLimit { line.append(byte) }
            }
            endsWithReturn = byte == 0x0D
        }
        return events
    }

    private mutating func endLine(_ events: inout [[UInt8]]) {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty {
            if hasData { events.append(data) }
            (data, hasData) = ([], false)
            return
        }
        let name = Array("data:".utf8)
        guard line.starts(with: name), data.count + line.count < Self.eventLimit else { return }
        var value = line[name.count...]
        if value.first == 0x20 { value = value.dropFirst() }
        if hasData { data.append(0x0A) }
        data += value
        hasData = true
    }
}
