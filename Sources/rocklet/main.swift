print("rocklet")
