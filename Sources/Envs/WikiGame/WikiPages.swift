import GEM

/// Pages that link to each other: what a WikiGame is played on.
struct WikiPages: Sendable {
    struct Page: Sendable {
        let title: String
        let text: String
        /// The pages that it links to, by number, each once, in the order of the text.
        var links: [Int]
        /// Whether a game may begin or end here: there is a way on, and the page is about one thing.
        var canBeDrawn: Bool
    }

    let pages: [Page]
    /// The numbers of the pages that can be drawn.
    let drawable: [Int]

    static let mostPages = 20_000
    private static let longestTitle = 255

    /// Reads pages, one JSON object a line: `{"title": "…", "text": "…", "links": ["…"]}`, and `"disambiguation": true` where a
    /// page only lists others. Links to pages that are not there, to the page itself and repeated ones are dropped.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` for a line that is no page, a title given twice, too many pages, and
    ///   where fewer than two can be drawn.
    init(parsing text: String) throws(Failure) {
        var numbers: [String: Int] = [:]
        var read: [(page: Page, links: [String])] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.allSatisfy(\.isWhitespace) {
            guard read.count < Self.mostPages else {
                throw .impossible("There are more than \(Self.mostPages) pages; leave some out.")
            }
            let entry = try Self.entry(line, number: index + 1)
            guard numbers.updateValue(read.count, forKey: entry.page.title) == nil else {
                throw .impossible("Line \(index + 1) of pages has a title that came before.")
            }
            read.append(entry)
        }
        pages = read.enumerated().map { number, entry in
            var page = entry.page
            var seen: Set<Int> = [number]
            page.links = entry.links.compactMap { numbers[$0] }.filter { seen.insert($0).inserted }
            page.canBeDrawn = page.canBeDrawn && !page.links.isEmpty
            return page
        }
        drawable = pages.indices.filter { [pages] in pages[$0].canBeDrawn }
        guard drawable.count >= 2 else {
            throw .impossible("A game needs two pages with links at least; there are \(drawable.count).")
        }
    }

    private static func entry(_ line: Substring, number: Int) throws(Failure) -> (page: Page, links: [String]) {
        let bytes = Array(line.utf8)
        guard let json = try? JSON(parsing: bytes.span), let title = json["title"]?.string,
            let text = (json["text"] ?? "").string, let links = (json["links"] ?? []).array?.map(\.string),
            !links.contains(nil), let isList = (json["disambiguation"] ?? false).bool
        else {
            throw .impossible("Line \(number) of pages is not {\"title\": text, \"text\": text, \"links\": [text, …]}.")
        }
        // A title becomes an action in a box, and a line of the observation.
        var depth = 0
        let isBalanced = title.utf8.allSatisfy { byte in
            depth += byte == UInt8(ascii: "{") ? 1 : byte == UInt8(ascii: "}") ? -1 : 0
            return depth >= 0 && byte >= 0x20
        }
        guard isBalanced, depth == 0, 1...longestTitle ~= title.utf8.count, title != WikiGame.back else {
            throw .impossible(
                "Line \(number) of pages has a title that cannot be boxed: 1 to \(longestTitle) bytes, no control "
                    + "characters, braces in pairs.")
        }
        return (Page(title: title, text: text, links: [], canBeDrawn: !isList), links.compactMap(\.self))
    }

    /// The pages that come with the program.
    static let own: Result<WikiPages, Failure> = Result { () throws(Failure) in try WikiPages(parsing: ownText) }

    /// The number of the page of `links` that is called `title`.
    func link(called title: some Sequence<UInt8>, among links: some Sequence<Int>) -> Int? {
        links.first { pages[$0].title.utf8.elementsEqual(title) }
    }
}
