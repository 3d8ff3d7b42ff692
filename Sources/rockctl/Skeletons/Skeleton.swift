/// The files of an environment that somebody begins with: they work as they are.
struct Skeleton: Sendable {
    enum Language: String, CaseIterable, Sendable { case python, swift }

    /// Paths below the new folder, and what is in them.
    let files: [(path: String, text: String)]
    /// What to do next, a command a line.
    let next: [String]

    /// - Parameters:
    ///   - language: What the program is written in.
    ///   - name: Begins with a letter, and holds letters, digits and `_`.
    init(_ language: Language, name: String) {
        switch language {
        case .python: self = .python(name)
        case .swift: self = .swift(name)
        }
    }

    init(files: [(path: String, text: String)], next: [String]) {
        (self.files, self.next) = (files, next)
    }

    /// The manifest of both, save for the command.
    static func manifest(_ name: String, command: String) -> String {
        #"""
        # What a server offers once 'rockctl env register' has sent it this file.
        env_id: my:\#(typeName(name))-v0
        summary: Walk to the right end of a corridor.
        action: \boxed{left|right}
        observation: The corridor from above; A is you, G the goal.
        reward_range: [0, 1]
        max_turns: 50            # then an episode is cut off (truncated)

        command: \#(command)
        directory: .             # seen inside as /environment, read-only; the program starts there, as nobody
        image: host              # this machine's /usr; or an image such as python:3.11
        network: none            # or outbound, or a list of host names

        kwargs:                  # what make may set, with defaults
          length: 8

        limits: {memory: 512m, cpus: 1, processes: 64, line: 4m, num_envs: 256}
        timeouts: {make: 60, reset: 30, step: 30}   # seconds

        """#
    }

    /// `name` with a capital letter.
    static func typeName(_ name: String) -> String { name.prefix(1).uppercased() + name.dropFirst() }
}
