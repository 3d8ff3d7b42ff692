import Transport

/// What ties the log lines of one request together.
enum Trace {
    /// The id that the client sent, else a new one.
    static func id(of headers: HTTPHeaders) -> String {
        guard let text = headers["eagleeye-traceid"], !text.isEmpty else { return make() }
        return String(decoding: text.utf8.prefix(128).filter { 0x21...0x7E ~= $0 }, as: UTF8.self)
    }

    /// 32 hexadecimal digits.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(32)
        for _ in 0..<2 {
            var word: UInt64 = generator.next()
            for _ in 0..<16 {
                text.append(digits[Int(word & 15)])
                word >>= 4
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
