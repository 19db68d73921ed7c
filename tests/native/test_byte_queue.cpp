// The queue between two sockets: ByteQueue.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "transport/byte_queue.hpp"

using namespace pyremctl;

namespace {

void push(ByteQueue &queue, const std::string &bytes) {
    const auto room = queue.room(bytes.size());
    REQUIRE(room.size() >= bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    queue.commit(bytes.size());
}

std::string pop(ByteQueue &queue, std::size_t count) {
    const std::string bytes(queue.bytes().data(), count);
    queue.consume(count);
    return bytes;
}

} // namespace

TEST_CASE("bytes come out in the order they went in") {
    ByteQueue queue;
    CHECK(queue.empty());
    push(queue, "hello ");
    push(queue, "world");
    CHECK(queue.size() == 11);
    CHECK(pop(queue, 6) == "hello ");
    push(queue, "!");
    CHECK(pop(queue, 6) == "world!");
    CHECK(queue.empty());
}

TEST_CASE("room that was not used counts for nothing") {
    ByteQueue queue;
    push(queue, "a");
    queue.room(1000);
    queue.room(100000);
    CHECK(queue.size() == 1);
    CHECK(pop(queue, 1) == "a");
}

TEST_CASE("its memory is given back when it is empty, and only then") {
    ByteQueue queue;
    push(queue, "abc");
    queue.trim();
    CHECK(pop(queue, 3) == "abc");
    queue.trim();
    CHECK(queue.empty());
    push(queue, "def");
    CHECK(pop(queue, 3) == "def");
}

TEST_CASE("it is a queue under any load") {
    std::mt19937 random(2);
    ByteQueue queue;
    std::string expected;
    char next = 0;
    for (int round = 0; round < 20000; ++round) {
        if (random() % 2 == 0) {
            std::string bytes(random() % 700, '\0');
            for (char &byte : bytes)
                byte = next++;
            push(queue, bytes);
            expected += bytes;
        } else if (!expected.empty()) {
            const std::size_t count = random() % expected.size() + 1;
            REQUIRE(pop(queue, count) == expected.substr(0, count));
            expected.erase(0, count);
        }
        if (random() % 16 == 0)
            queue.trim();
        REQUIRE(queue.size() == expected.size());
    }
}

TEST_CASE("what trickles through a full queue is not copied each time") {
    // A quarter of a megabyte stays in it while eight megabytes go through in
    // pieces of 500 bytes: copied each time, that would be four gigabytes.
    ByteQueue queue;
    push(queue, std::string(256 * 1024, 'x'));
    std::size_t moved = 0;
    const char *last = queue.bytes().data();
    for (int round = 0; round < 16'000; ++round) {
        queue.consume(500);
        push(queue, std::string(500, 'x'));
        if (queue.bytes().data() < last || queue.bytes().data() > last + 500)
            moved += queue.size();
        last = queue.bytes().data();
    }
    CHECK(moved < 32'000'000);
}
