/// Finds the operation for a path and a method: one step in a tree for each part of the path.
struct Router: Sendable {
    enum Finding: Sendable {
        case found(Found)
        /// The path is known, with these methods.
        case wrongMethod(allowed: [String])
        case unknown
    }

    struct Found: Sendable {
        /// The operation's place in the table.
        let operation: Int
        /// The names in the path's braces, and what they matched, percent-decoded, in order.
        let names: [String]
        let arguments: [String]
        /// What `{path*}` matched, as sent.
        let tail: [UInt8]
    }

    private struct Node: Sendable {
        /// Few and short: comparing them one by one is faster than making something to look up.
        var children: [(name: [UInt8], node: Int)] = []
        /// The child for any one part.
        var any: Int?
        /// Operations of this path by method.
        var ends: [(verb: [UInt8], operation: Int)] = []
        /// Operations that take the rest of the path.
        var tails: [(verb: [UInt8], operation: Int)] = []

        func child(_ name: ArraySlice<UInt8>) -> Int? {
            for child in children where child.name.count == name.count && child.name.elementsEqual(name) {
                return child.node
            }
            return nil
        }
    }

    private var nodes = [Node()]
    /// The names in the braces of each operation's path.
    private let names: [[String]]

    /// - Precondition: No two of `operations` have the same path and method.
    init(_ operations: [Operation]) {
        names = operations.map(\.pathParameters)
        for (place, operation) in operations.enumerated() { add(operation, place) }
    }

    private mutating func add(_ operation: Operation, _ place: Int) {
        var node = 0
        var takesTail = false
        for part in operation.path.split(separator: "/") {
            if part.hasSuffix("*}") {
                takesTail = true
            } else if part.hasPrefix("{") {
                node = nodes[node].any ?? child(of: node) { $0.any = $1 }
            } else {
                let key = Array(part.utf8)
                node = nodes[node].child(key[...]) ?? child(of: node) { $0.children.append((key, $1)) }
            }
        }
        for verb in operation.verbs {
            let end = (verb: Array(verb.rawValue.utf8), operation: place)
            let known = takesTail ? nodes[node].tails : nodes[node].ends
            precondition(!known.contains { $0.verb == end.verb }, "two operations at \(verb) \(operation.path)")
            if takesTail { nodes[node].tails.append(end) } else { nodes[node].ends.append(end) }
        }
    }

    private mutating func child(of node: Int, _ link: (inout Node, Int) -> Void) -> Int {
        nodes.append(Node())
        link(&nodes[node], nodes.count - 1)
        return nodes.count - 1
    }

    /// Looks for what answers `method` at `path`.
    ///
    /// - Parameters:
    ///   - path: As sent, percent-encoded, without the query. A slash at the end makes no difference.
    ///   - method: As sent. `HEAD` finds what `GET` would.
    /// - Returns: The operation, or why there is none.
    func find(_ path: ArraySlice<UInt8>, method: ArraySlice<UInt8>) -> Finding {
        guard path.first == 0x2F else { return .unknown }
        var parts = path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        var node = 0
        var arguments: [String] = []
        var tail: (node: Int, arguments: [String], from: Int)?
        var isDeadEnd = false
        for part in parts {
            if !nodes[node].tails.isEmpty { tail = (node, arguments, part.startIndex) }
            if let next = nodes[node].child(part) {
                node = next
            } else if let next = nodes[node].any, let argument = percentDecoded(part), !argument.isEmpty {
                arguments.append(argument)
                node = next
            } else {
                isDeadEnd = true
                break
            }
        }
        if !isDeadEnd, !nodes[node].ends.isEmpty {
            return choose(nodes[node].ends, method, arguments, tail: [])
        }
        guard let tail else { return .unknown }
        return choose(nodes[tail.node].tails, method, tail.arguments, tail: Array(path[tail.from...]))
    }

    private func choose(
        _ ends: [(verb: [UInt8], operation: Int)], _ method: ArraySlice<UInt8>, _ arguments: [String], tail: [UInt8]
    ) -> Finding {
        let place =
            ends.first { $0.verb.elementsEqual(method) }
            ?? (method.elementsEqual("HEAD".utf8) ? ends.first { $0.verb.elementsEqual("GET".utf8) } : nil)
        if let place = place?.operation {
            return .found(Found(operation: place, names: names[place], arguments: arguments, tail: tail))
        }
        var allowed = ends.map { String(decoding: $0.verb, as: UTF8.self) }
        if allowed.contains("GET"), !allowed.contains("HEAD") { allowed.append("HEAD") }
        return .wrongMethod(allowed: allowed.sorted())
    }
}

/// The text that `bytes` of a path stand for; `nil` for a broken escape, a zero byte and what is no UTF-8.
func percentDecoded(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.contains(0x25) else { return String(validating: bytes, as: UTF8.self) }
    var decoded: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
        guard byte == 0x25 else {
            decoded.append(byte)
            continue
        }
        guard let high = rest.popFirst(), let low = rest.popFirst(),
            let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), value != 0,
            high != UInt8(ascii: "+"), high != UInt8(ascii: "-")
        else { return nil }
        decoded.append(value)
    }
    return String(validating: decoded, as: UTF8.self)
}
