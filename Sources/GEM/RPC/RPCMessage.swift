/// What one JSON-RPC 2.0 message asks for: a request, or a batch of them.
///
/// A message is read in place. It keeps ranges of the text it was read from, so that parameters and ids travel on as the
/// client's own bytes; the caller keeps that text.
public enum RPCMessage: Sendable {
    /// A message that is one request; its answer is one object.
    case single(Item)
    /// A message that is a list of at least one; its answer is a list, or nothing where all are notifications.
    case batch([Item])

    /// One request, or what stands in its place.
    public enum Item: Sendable {
        case request(RPCRequest)
        /// JSON, but no request; it is answered with the failure, by its id where it has a legal one.
        case invalid(Failure, id: Range<Int>?)
    }

    /// The most requests that a batch may hold unless the caller says otherwise.
    public static let batchLimit = 1024

    /// Reads `text`, to its last byte.
    ///
    /// - Parameters:
    ///   - text: One message, UTF-8.
    ///   - batchLimit: The most requests that a batch may hold.
    /// - Throws: ``Failure``, to be answered with the id `null`: `parseError` where `text` is not JSON, `invalidRequest` where it
    ///   is an empty batch or no request at all, `tooLarge` where a batch exceeds the limit.
    public init(parsing text: Span<UInt8>, batchLimit: Int = Self.batchLimit) throws(Failure) {
        var scanner = JSONScanner()
        var isTooLarge = false
        do throws(JSONError) {
            if scanner.peek(in: text) == 0x5B {
                var array = try scanner.openArray(in: text)
                var items: [Item] = []
                while try scanner.nextElement(of: &array, in: text) {
                    guard items.count < batchLimit else {
                        isTooLarge = true
                        break
                    }
                    items.append(try Item(&scanner, text))
                }
                if !isTooLarge { try scanner.expectEnd(in: text) }
                self = .batch(items)
            } else {
                self = .single(try Item(&scanner, text))
                try scanner.expectEnd(in: text)
            }
        } catch {
            throw Failure(error)
        }
        if isTooLarge {
            throw Failure(.tooLarge, "A batch holds at most \(batchLimit) requests; send several.")
        }
        if case .batch(let items) = self, items.isEmpty {
            throw Failure(.invalidRequest, "A batch must hold at least one request.")
        }
    }
}

/// One call of a method.
public struct RPCRequest: Sendable {
    /// Where the id is: a string, a number or `null`. `nil` for a notification, which is never answered.
    public let id: Range<Int>?
    /// The method's name.
    public let method: String
    /// The parameters.
    public let params: Params

    /// Where the parameters are.
    public enum Params: Equatable, Sendable {
        case none
        /// An object.
        case named(Range<Int>)
        /// A list, in the order in which the method declares its parameters.
        case positional(Range<Int>)
    }
}
