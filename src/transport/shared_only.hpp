// A base class for objects that are only created by std::make_shared.
#pragma once

namespace pyremctl {

/// Base of a class whose objects are owned by shared pointers only. Its operator delete
/// does nothing, since the object is part of a larger block. pybind11 calls delete when
/// memory runs out after it has taken an object and before it has stored the shared
/// pointer; the block would be freed twice.
class SharedOnly {
  public:
    // NOLINTNEXTLINE(misc-new-delete-overloads): std::make_shared asks for none.
    static void operator delete(void * /*memory*/) noexcept {}
};

} // namespace pyremctl
