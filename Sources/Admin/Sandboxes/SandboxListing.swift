import GEM
import Registry

/// A listing as a query string asks for it.
struct SandboxListing: Sendable {
    var query = SandboxQuery()

    /// Reads the parameters of a listing; every name that is not one of its own is a filter.
    ///
    /// `page` (from 1), `page_size`, `include_all_states`, `order` (`newest` or `oldest`), `created_after` and `created_before` in
    /// seconds since 1970; `state` takes several, separated by commas.
    /// - Parameters:
    ///   - parameters: Names and values, decoded, in any order.
    ///   - most: The largest page.
    /// - Throws: ``Failure``: `invalidParams` for what is no number, `invalidArgument` for what is out of range.
    init(_ parameters: [(name: String, value: String)], most: Int) throws(Failure) {
        var page = 1
        var size = min(500, most)
        var states: Set<SandboxState>? = [.pending, .running]
        for (name, value) in parameters {
            switch name {
            case "page": page = try Self.number(name, value)
            case "page_size": size = try Self.number(name, value)
            case "include_all_states":
                if try Self.boolean(name, value) { states = nil }
            case "order":
                guard ["newest", "oldest"].contains(value) else {
                    throw Failure(.invalidArgument, "order must be newest or oldest, not \"\(value.prefix(32))\".")
                }
                query.isNewestFirst = value == "newest"
            case "created_after": query.createdFrom = Timestamp(seconds: Int64(try Self.number(name, value)))
            case "created_before": query.createdBefore = Timestamp(seconds: Int64(try Self.number(name, value)))
            case "state":
                // A state that does not exist matches nothing, as any other value would.
                states = Set(value.split(separator: ",").compactMap { SandboxState(rawValue: String($0)) })
            default: query.members.append((name, value))
            }
        }
        guard page >= 1, size >= 1 else { throw Failure(.invalidArgument, "page and page_size must be at least 1") }
        guard size <= most else { throw Failure(.invalidArgument, "page_size exceeds maximum \(most)") }
        let (offset, isTooFar) = (page - 1).multipliedReportingOverflow(by: size)
        query.offset = isTooFar ? .max / 2 : min(offset, .max / 2)
        query.limit = size
        query.states = states
    }

    private static func number(_ name: String, _ value: String) throws(Failure) -> Int {
        guard let number = Int(value) else {
            throw Failure(.invalidParams, "\(name) must be a whole number, not \"\(value.prefix(32))\".")
        }
        return number
    }

    private static func boolean(_ name: String, _ value: String) throws(Failure) -> Bool {
        switch value.lowercased() {
        case "true", "1": return true
        case "false", "0", "": return false
        default: throw Failure(.invalidParams, "\(name) must be true or false, not \"\(value.prefix(32))\".")
        }
    }
}
