// The framing: TokenScanner.
#include <doctest/doctest.h>

#include <random>

#include "support.hpp"
#include "transport/token.hpp"

using namespace pyremctl;
using test::token;

namespace {

constexpr unsigned data_token = 0x44;

void feed(TokenScanner &scanner, const std::string &bytes, std::size_t chunk) {
    for (std::size_t start = 0; start < bytes.size(); start += chunk)
        scanner.advance(std::span(bytes).subspan(start, std::min(chunk, bytes.size() - start)));
}

} // namespace

TEST_CASE("tokens are counted when they are whole, in whatever pieces they come") {
    const std::string bytes = token(data_token, "hello") + token(data_token, "") +
                              token(data_token, std::string(70000, 'x')) + token(data_token, "!");
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{6},
                                    std::size_t{4096}, bytes.size()}) {
        CAPTURE(chunk);
        TokenScanner scanner;
        feed(scanner, bytes, chunk);
        CHECK(scanner.whole() == 4);
        CHECK_FALSE(scanner.inside());
        CHECK(scanner.all_with_protocol());
    }
}

TEST_CASE("a token is whole with its last byte and not before") {
    const std::string bytes = token(data_token, "hello");
    TokenScanner scanner;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        CHECK(scanner.whole() == 0);
        CHECK(scanner.inside() == (index != 0));
        scanner.advance(std::span(bytes).subspan(index, 1));
    }
    CHECK(scanner.whole() == 1);
    CHECK_FALSE(scanner.inside());
}

TEST_CASE("a token without data is whole with its header") {
    TokenScanner scanner;
    feed(scanner, token(data_token, ""), 5);
    CHECK(scanner.whole() == 1);
}

TEST_CASE("a token of 1 MiB is waited for, a larger one is whole with its header") {
    TokenScanner largest;
    feed(largest, token(data_token, "", token_max_length), 5);
    CHECK(largest.whole() == 0);
    feed(largest, std::string(token_max_length, 'x'), 65536);
    CHECK(largest.whole() == 1);

    for (const std::size_t length :
         {token_max_length + 1, std::size_t{0x80000000}, std::size_t{0xffffffff}}) {
        CAPTURE(length);
        TokenScanner scanner;
        feed(scanner, token(data_token, "", length), 5);
        CHECK(scanner.whole() == 1);
        // What follows has no meaning any more.
        feed(scanner, token(data_token, "hello") + std::string(100, '\xff'), 7);
        CHECK(scanner.whole() == 1);
    }
}

TEST_CASE("a token without the flag of protocol 2 is noticed, wherever it stands") {
    TokenScanner scanner;
    feed(scanner, token(data_token, "a"), 6);
    CHECK(scanner.all_with_protocol());
    feed(scanner, token(token_context, "b"), 6);
    CHECK_FALSE(scanner.all_with_protocol());
    feed(scanner, token(data_token, "c"), 6);
    CHECK_FALSE(scanner.all_with_protocol());
}

TEST_CASE("tokens are taken one by one, or all") {
    TokenScanner scanner;
    feed(scanner, token(data_token, "a") + token(data_token, "b") + token(data_token, "c"), 3);
    scanner.take();
    CHECK(scanner.whole() == 2);
    scanner.take_all();
    CHECK(scanner.whole() == 0);
}

TEST_CASE("any bytes at all are followed without harm") {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        TokenScanner scanner;
        for (int piece = 0; piece < 20; ++piece) {
            std::string bytes(random() % 300, '\0');
            for (char &byte : bytes)
                byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
            scanner.advance(bytes);
        }
    }
}
