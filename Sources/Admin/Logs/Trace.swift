import Synchronization
import Transport

/// What ties the log lines of one request together.
enum Trace {
    /// The id that the client sent, else a new one.
    static func id(of headers: HTTPHeaders) -> String {
        guard let text = headers["eagleeye-traceid"], !text.isEmpty else { return make() }
        return String(decoding: text.utf8.prefix(128).filter { 0x21...0x7E ~= $0 }, as: UTF8.self)
    }

    /// 32 hexadecimal digits that no other request has: half of them are this process's, drawn at its start.
    static func make() -> String {
        let count = made.wrappingAdd(1, ordering: .relaxed).newValue
        return String(unsafeUninitializedCapacity: 32) { buffer in
            write(process, to: buffer[..<16])
            // Spread by a multiplication that has an inverse, so that neighbours differ at a glance.
            write(count &* 0x9E37_79B9_7F4A_7C15, to: buffer[16...])
            return 32
        }
    }

    private static let process = UInt64.random(in: .min ... .max)
    private static let made = Atomic<UInt64>(UInt64.random(in: .min ... .max))

    private static func write(_ word: UInt64, to buffer: Slice<UnsafeMutableBufferPointer<UInt8>>) {
        for index in buffer.indices {
            let digit = UInt8(word >> (60 - 4 * UInt64(index - buffer.startIndex)) & 15)
            buffer.base[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
    }
}
