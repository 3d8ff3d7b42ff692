/// The parameters of a method that is not asked often enough to be read without a tree.
package struct ServiceParams {
    private let members: JSON.Object

    /// Reads the object at `range` of `line`; an empty range stands for an empty object.
    package init(_ line: Span<UInt8>, _ range: Range<Int>) throws(Failure) {
        guard !range.isEmpty else {
            members = JSON.Object()
            return
        }
        do throws(JSONError) {
            guard let object = try JSON(parsing: line.extracting(range)).object else {
                throw JSONError(at: 0, expected: .object)
            }
            members = object
        } catch {
            throw Failure(.invalidParams, "The parameters cannot be read: \(error).")
        }
    }

    /// The value called `name`; `nil` where it is absent or null.
    package subscript(name: String) -> JSON? {
        guard let value = members[name], !value.isNull else { return nil }
        return value
    }

    /// The text called `name`; `nil` where it is absent or null.
    package func string(_ name: String) throws(Failure) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw Failure(.invalidParams, "\(name) must be a string.") }
        return text
    }

    /// The word called `name`, which must be one of the raw values of `Word`; `nil` where it is absent or null.
    package func word<Word: RawRepresentable<String> & CaseIterable>(_ name: String) throws(Failure) -> Word? {
        guard let value = self[name] else { return nil }
        guard let word = value.string.flatMap(Word.init(rawValue:)) else {
            let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw Failure(.invalidParams, "\(name) must be one of \(words).")
        }
        return word
    }

    /// The integer called `name`, which must lie in `range`; `nil` where it is absent or null.
    package func integer(_ name: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let value = self[name] else { return nil }
        guard let integer = value.int, range.contains(integer) else {
            throw Failure(
                .invalidParams, "\(name) must be an integer from \(range.lowerBound) to \(range.upperBound).")
        }
        return integer
    }

    /// Reads `indices`, which names some of `count` environments, or of a single one without a number (`nil`).
    ///
    /// - Returns: The indices in the order given; all of them where the parameter is absent.
    /// - Throws: ``Failure`` of kind `invalidParams`.
    package func indices(of count: Int?) throws(Failure) -> [Int] {
        guard let value = self["indices"] else { return Array(0..<(count ?? 1)) }
        guard let count else {
            throw Failure(.invalidParams, "indices is for environments made with num_envs; leave it out here.")
        }
        var isTaken = [Bool](repeating: false, count: count)
        var indices: [Int] = []
        for element in value.array ?? [.null] {
            guard let index = element.int, isTaken.indices.contains(index), !isTaken[index] else {
                throw Failure(
                    .invalidParams, "indices must be a list of different integers from 0 to \(count - 1).")
            }
            isTaken[index] = true
            indices.append(index)
        }
        return indices
    }

    /// A seed for each of the environments at `indices`, `nil` where its stream goes on.
    ///
    /// One seed s gives environment i the seed s + i; a list has one seed, or null, for each of `indices`.
    /// - Returns: The seeds in the order of `indices`.
    /// - Throws: ``Failure`` of kind `invalidSeed`.
    package func seeds(for indices: [Int]) throws(Failure) -> [Seed?] {
        guard let value = self["seed"] else { return indices.map { _ in nil } }
        var seeds: [Seed?] = []
        guard let list = value.array else {
            let first = try seed(value)
            for index in indices {
                let (seed, isTooLarge) = first.addingReportingOverflow(Seed(index))
                guard !isTooLarge else {
                    throw Failure(
                        .invalidSeed,
                        "The seed \(first) leaves environment \(index) beyond 4294967295; give a smaller one.")
                }
                seeds.append(seed)
            }
            return seeds
        }
        guard list.count == indices.count else {
            throw Failure(.invalidSeed, "\(list.count) seeds were given for \(indices.count) environments.")
        }
        for element in list { seeds.append(element.isNull ? nil : try seed(element)) }
        return seeds
    }

    private func seed(_ value: JSON) throws(Failure) -> Seed {
        guard case .number(let number) = value, !number.text.hasPrefix("-"), let seed = Seed(number.text) else {
            throw Failure(.invalidSeed, "A seed must be an integer from 0 to 4294967295, or null.")
        }
        return seed
    }
}
