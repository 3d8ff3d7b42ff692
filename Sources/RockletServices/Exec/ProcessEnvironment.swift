import Glibc

/// The variables of a program.
package struct ProcessEnvironment: Sendable, Equatable {
    /// `NAME=value`, in order; a name occurs once.
    package private(set) var entries: [String] = []

    /// Where programs are looked for when nothing says so, as `execvp` does, and where images without a word put them.
    static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    package init() {}

    package init(_ variables: [(name: String, value: String)]) {
        for (name, value) in variables { self[name] = value }
    }

    /// The variables of this process.
    package static func ofThisProcess() -> ProcessEnvironment {
        var environment = ProcessEnvironment()
        var next = environ
        while let entry = next.pointee {
            environment.entries.append(String(cString: entry))
            next += 1
        }
        return environment
    }

    package subscript(name: String) -> String? {
        get { place(of: name).map { String(entries[$0].utf8.dropFirst(name.utf8.count + 1)) ?? "" } }
        set {
            let entry = newValue.map { "\(name)=\($0)" }
            switch (place(of: name), entry) {
            case (let place?, let entry?): entries[place] = entry
            case (let place?, nil): entries.remove(at: place)
            case (nil, let entry?): entries.append(entry)
            case (nil, nil): break
            }
        }
    }

    /// These variables with `others` on top.
    package func adding(_ others: [(name: String, value: String)]) -> ProcessEnvironment {
        var sum = self
        for (name, value) in others { sum[name] = value }
        return sum
    }

    /// Whether the kernel can carry a variable of that name and value.
    static func isValid(name: String, value: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(0x3D) && !name.utf8.contains(0) && !value.utf8.contains(0)
    }

    private func place(of name: String) -> Int? {
        entries.firstIndex { entry in
            entry.utf8.starts(with: name.utf8) && entry.utf8.dropFirst(name.utf8.count).first == 0x3D
        }
    }
}
