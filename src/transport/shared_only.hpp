// Objects that live in what std::make_shared made, and nowhere else.
#pragma once

namespace pyremctl {

/// Base of a class whose objects only their shares own. Giving the memory of
/// one back by its address does nothing: it is a part of a larger block.
/// pybind11 does just that when memory runs out between its taking an object
/// and its taking a share, and the block would be freed twice.
class SharedOnly {
  public:
    // NOLINTNEXTLINE(misc-new-delete-overloads): std::make_shared asks for none.
    static void operator delete(void * /*memory*/) noexcept {}
};

} // namespace pyremctl
