import CYAML
package import GEM

/// A node of a YAML document, with the line it stands on so that errors can point at it.
package struct YAML: Sendable {
    /// What the node holds. Scalars stay text; who reads them says which type is wanted.
    package indirect enum Content: Sendable {
        /// `isPlain` is false for quoted and block scalars, which are text whatever they look like.
        case scalar(String, isPlain: Bool)
        case sequence([YAML])
        /// Pairs in file order; a key stands once.
        case mapping([(key: String, value: YAML)])
    }

    package let content: Content
    /// Counted from 1.
    package let line: Int

    /// Limits that keep a small file from growing large in memory through aliases.
    private enum Limit {
        static let nodes = 100_000
        static let depth = 64
    }

    /// Reads the first document of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The file's bytes, UTF-8.
    ///   - name: What to call the file in errors.
    /// - Throws: ``Failure`` of kind `invalidArgument`, naming file and line.
    package init(parsing bytes: [UInt8], name: String) throws(Failure) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { throw Failure(.internalError, "libyaml ran out of memory.") }
        defer { yaml_parser_delete(&parser) }
        var document = yaml_document_t()
        let loaded = bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            return yaml_parser_load(&parser, &document)
        }
        guard loaded == 1 else {
            let problem = parser.problem.map { String(cString: $0) } ?? "not readable as YAML"
            throw Failure(.invalidArgument, "\(name):\(parser.problem_mark.line + 1): \(problem).")
        }
        defer { yaml_document_delete(&document) }
        guard let root = yaml_document_get_root_node(&document) else {
            self.init(content: .mapping([]), line: 1)
            return
        }
        var budget = Limit.nodes
        self = try YAML.node(root, of: &document, name: name, depth: 0, budget: &budget)
    }

    private init(content: Content, line: Int) {
        self.content = content
        self.line = line
    }

    private static func node(
        _ node: UnsafeMutablePointer<yaml_node_t>, of document: inout yaml_document_t, name: String, depth: Int,
        budget: inout Int
    ) throws(Failure) -> YAML {
        let line = Int(node.pointee.start_mark.line) + 1
        budget -= 1
        guard budget > 0, depth < Limit.depth else {
            throw Failure(.invalidArgument, "\(name):\(line): the document is too deep or expands to too many nodes.")
        }
        func child(_ index: Int32) throws(Failure) -> YAML {
            guard let child = yaml_document_get_node(&document, index) else {
                throw Failure(.internalError, "\(name):\(line): libyaml lost a node.")
            }
            return try YAML.node(child, of: &document, name: name, depth: depth + 1, budget: &budget)
        }
        switch node.pointee.type {
        case YAML_SCALAR_NODE:
            return YAML(content: .scalar(text(of: node), isPlain: rock_yaml_is_plain(node) == 1), line: line)
        case YAML_SEQUENCE_NODE:
            var items: [YAML] = []
            for index in 0..<rock_yaml_item_count(node) { items.append(try child(rock_yaml_item(node, index))) }
            return YAML(content: .sequence(items), line: line)
        case YAML_MAPPING_NODE:
            var pairs: [(key: String, value: YAML)] = []
            var seen: Set<String> = []
            for index in 0..<rock_yaml_pair_count(node) {
                let pair = rock_yaml_pair(node, index)
                let key = try child(pair.key)
                guard case .scalar(let text, _) = key.content else {
                    throw Failure(.invalidArgument, "\(name):\(key.line): a key must be plain text.")
                }
                guard seen.insert(text).inserted else {
                    throw Failure(.invalidArgument, "\(name):\(key.line): the key '\(text)' stands here twice.")
                }
                pairs.append((text, try child(pair.value)))
            }
            return YAML(content: .mapping(pairs), line: line)
        default:
            throw Failure(.internalError, "\(name):\(line): libyaml gave an empty node.")
        }
    }

    private static func text(of node: UnsafeMutablePointer<yaml_node_t>) -> String {
        var length = 0
        guard let start = rock_yaml_scalar(node, &length) else { return "" }
        return String(
            decoding: UnsafeRawBufferPointer(start: start, count: length).bindMemory(to: UInt8.self), as: UTF8.self)
    }
}
