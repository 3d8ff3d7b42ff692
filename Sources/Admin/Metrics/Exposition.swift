/// Writes Prometheus' text format, version 0.0.4.
struct Exposition {
    private(set) var bytes: [UInt8] = []

    enum Kind: String { case counter, gauge, histogram }

    /// Begins a metric; its samples follow.
    mutating func metric(_ name: String, _ kind: Kind, _ help: String) {
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
    }

    /// Writes one sample.
    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
        bytes += name.utf8
        append(labels)
        let isWhole = value == value.rounded() && value.magnitude < 1e15
        bytes += (isWhole ? " \(Int(value))\n" : " \(value)\n").utf8
    }

    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Int) {
        bytes += name.utf8
        append(labels)
        bytes += " \(value)\n".utf8
    }

    /// Writes the samples of a histogram in seconds.
    mutating func histogram(_ name: String, _ labels: [(String, String)] = [], _ histogram: Histogram) {
        let counts = histogram.cumulative
        for (bound, count) in zip(Histogram.bounds, counts) {
            sample(name + "_bucket", labels + [("le", "\(Double(bound) / 1e6)")], count)
        }
        let total = counts.last ?? 0
        sample(name + "_bucket", labels + [("le", "+Inf")], total)
        sample(name + "_sum", labels, histogram.seconds)
        sample(name + "_count", labels, total)
    }

    private mutating func append(_ labels: [(String, String)]) {
        guard !labels.isEmpty else { return }
        bytes.append(UInt8(ascii: "{"))
        for (place, (name, value)) in labels.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += "\(name)=\"".utf8
            for byte in value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes += "\\\\".utf8
                case UInt8(ascii: "\""): bytes += "\\\"".utf8
                case 0x0A: bytes += "\\n".utf8
                default: bytes.append(byte)
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
