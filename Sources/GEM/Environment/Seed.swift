/// A legal seed: an integer from 0 to 2³²−1, the range that NumPy's `RandomState` and so GEM accepts.
public typealias Seed = UInt32
