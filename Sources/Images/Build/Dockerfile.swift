package import GEM

/// A Dockerfile, taken apart: which instruction stands on which line.
package struct Dockerfile: Sendable, Equatable {
    /// One instruction, its variables still unexpanded.
    package struct Instruction: Sendable, Equatable {
        /// In capitals.
        package let name: String
        /// What follows on the line, continuation lines joined.
        package let text: String
        package let line: Int
    }

    package let instructions: [Instruction]
    /// The file's name, for errors.
    package let name: String
    /// The escape character, `\` or a backtick.
    let escape: Character

    /// Reads the instructions; blank lines and comments mean nothing.
    ///
    /// - Parameters:
    ///   - text: The whole file.
    ///   - name: Its name, for errors.
    /// - Throws: ``Failure`` with file and line.
    package init(_ text: String, name: String) throws(Failure) {
        var escape: Character = "\\"
        var instructions: [Instruction] = []
        var pending: (text: String, line: Int)?
        var mayBeDirective = true
        // A CR LF is one Character; lines end at either.
        for (place, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if mayBeDirective, trimmed.hasPrefix("#") {
                let parts = trimmed.dropFirst().split(separator: "=", maxSplits: 1).map { Self.trim($0) }
                if parts.count == 2, parts[0].lowercased() == "escape", parts[1] == "`" || parts[1] == "\\" {
                    escape = Character(parts[1])
                }
                continue
            }
            mayBeDirective = false
            if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
            var whole = Substring(line)
            while let last = whole.last, last == " " || last == "\t" { whole = whole.dropLast() }
            let goesOn = whole.last == escape
            if goesOn { whole = whole.dropLast() }
            let joined = (text: (pending?.text ?? "") + whole, line: pending?.line ?? place + 1)
            if goesOn {
                pending = joined
                continue
            }
            pending = nil
            instructions.append(try Self.instruction(joined.text, line: joined.line, name))
        }
        if let pending { instructions.append(try Self.instruction(pending.text, line: pending.line, name)) }
        self.instructions = instructions
        self.name = name
        self.escape = escape
    }

    private static func instruction(_ text: String, line: Int, _ file: String) throws(Failure) -> Instruction {
        let text = trim(text[...])
        let word = text.prefix { $0 != " " && $0 != "\t" }
        let rest = trim(text.dropFirst(word.count))
        let name = word.uppercased()
        guard name.utf8.allSatisfy({ 0x41...0x5A ~= $0 }) else {
            throw Failure(.invalidArgument, "\(file):\(line): '\(word.prefix(40))' is no instruction.")
        }
        guard !rest.isEmpty else { throw Failure(.invalidArgument, "\(file):\(line): \(name) has nothing behind it.") }
        if ["RUN", "COPY", "ADD"].contains(name), rest.contains("<<") {
            let words = rest.split(separator: " ")
            if words.contains(where: {
                $0.hasPrefix("<<") && $0.dropFirst(2).first.map { $0.isLetter || "-\"'".contains($0) } ?? false
            }) {
                throw Failure(
                    .invalidArgument,
                    "\(file):\(line): here-documents are not supported; put the text into a file, or end lines with a backslash."
                )
            }
        }
        return Instruction(name: name, text: rest, line: line)
    }

    /// Whether any instruction runs a command.
    package var needsRunner: Bool { instructions.contains { $0.name == "RUN" } }

    static func trim(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }

    /// A failure at an instruction.
    func wrong(_ instruction: Instruction, _ why: String) -> Failure {
        Failure(.invalidArgument, "\(name):\(instruction.line): \(why)")
    }
}
