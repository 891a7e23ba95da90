//! Arithmetic against an exact decimal library, by the rules of The REXX Language; and machine numbers against long ones.

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Zero};
use proptest::prelude::*;
use shell::rexx::{Number, add, compare, divide, integer_divide, multiply, power, remainder, subtract};

use crate::host::shows;

/// A number as a program writes it.
fn number() -> impl Strategy<Value = String> {
    ("-?", "[0-9]{1,25}", prop::option::of("[0-9]{0,12}"), prop::option::of(-12..12_i32)).prop_map(|(sign, whole, fraction, exponent)| {
        let fraction = fraction.map_or(String::new(), |digits| format!(".{digits}"));
        let exponent = exponent.map_or(String::new(), |exponent| format!("E{exponent}"));
        format!("{sign}{whole}{fraction}{exponent}")
    })
}

fn ours(text: &str) -> Number {
    Number::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
}

/// The exact value of one of our numbers.
fn exact(number: &Number) -> BigDecimal {
    let digits: String = number.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let coefficient: BigInt = if digits.is_empty() { BigInt::zero() } else { digits.parse().expect("digits") };
    BigDecimal::new(if number.negative { -coefficient } else { coefficient }, -number.exponent)
}

/// The operand as operations see it: cut off behind one digit more than `digits`.
fn cut(value: &BigDecimal, digits: u32) -> BigDecimal {
    value.with_precision_round((u64::from(digits) + 1).try_into().expect("not 0"), RoundingMode::Down)
}

fn rounded(value: &BigDecimal, digits: u32) -> BigDecimal {
    value.with_precision_round(u64::from(digits).try_into().expect("not 0"), RoundingMode::HalfUp)
}

/// The power of ten of the first digit.
fn top(value: &BigDecimal) -> i64 {
    value.digits() as i64 - value.fractional_digit_count() - 1
}

/// The sum by the rule of the language.
fn sum(left: &BigDecimal, right: &BigDecimal, digits: u32) -> BigDecimal {
    if left.is_zero() || right.is_zero() {
        return rounded(&(left + right), digits);
    }
    let top = top(left).max(top(right));
    let place = i64::from(digits) - top;
    let cut = |value: &BigDecimal| value.with_scale_round(place, RoundingMode::Down);
    let total = cut(left) + cut(right);
    let placed = total.with_scale_round(place - 1, RoundingMode::HalfUp);
    // A carry makes room for one digit less.
    if !total.is_zero() && self::top(&total) > top { rounded(&total, digits) } else { placed }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn sums_products_and_quotients_are_exact(left in number(), right in number(), digits in 1_u32..60) {
        let (one, other) = (ours(&left), ours(&right));
        let (a, b) = (exact(&one), exact(&other));
        prop_assert_eq!(exact(&add(&one, &other, digits).expect("in range")), sum(&a, &b, digits));
        prop_assert_eq!(exact(&subtract(&one, &other, digits).expect("in range")), sum(&a, &-b.clone(), digits));
        let (a, b) = (cut(&a, digits), cut(&b, digits));
        prop_assert_eq!(exact(&multiply(&one, &other, digits).expect("in range")), rounded(&(&a * &b), digits));
        if !b.is_zero() {
            let quotient = exact(&divide(&one, &other, digits).expect("in range"));
            // Within half a unit of its last place, exactly.
            let error = ((&quotient * &b) - &a).abs() * BigDecimal::from(2);
            let unit = BigDecimal::new(BigInt::from(1), i64::from(digits) - 1 - if a.is_zero() { 0 } else { top(&quotient) });
            prop_assert!(error <= unit * b.abs(), "{} / {} at {}: {}", left, right, digits, quotient);
        }
    }

    #[test]
    fn whole_quotients_and_remainders_make_up_the_dividend(left in number(), right in number(), digits in 1_u32..60) {
        let (one, other) = (ours(&left), ours(&right));
        if let (Ok(whole), Ok(rest)) = (integer_divide(&one, &other, digits), remainder(&one, &other, 100)) {
            let (a, b) = (cut(&exact(&one), digits), cut(&exact(&other), digits));
            let whole = exact(&whole);
            prop_assert!(whole.is_integer() && (&a - &whole * &b).abs() < b.abs());
            prop_assert!(exact(&rest).abs() < exact(&other).abs());
        }
    }

    #[test]
    fn powers_of_whole_numbers_are_exact_when_they_fit(base in -50_i64..50, exponent in 0_u32..30) {
        let expected = BigDecimal::from(BigInt::from(base).pow(exponent));
        prop_assert_eq!(exact(&power(&Number::from_int(base), i64::from(exponent), 60).expect("in range")), expected);
    }

    #[test]
    fn numbers_survive_being_written(text in number(), digits in 1_u32..60, engineering in any::<bool>()) {
        let number = ours(&text).rounded(digits);
        let written = number.format(digits, engineering);
        let read = Number::parse(&written).expect("a number");
        prop_assert_eq!(exact(&read), exact(&number));
        prop_assert_eq!(compare(&read, &number, digits).expect("in range"), std::cmp::Ordering::Equal);
    }

    /// Programs calculate with machine numbers where they can: the same values, made long by an exponent, give the same results.
    #[test]
    fn machine_numbers_and_long_numbers_agree(left in "-?[0-9]{1,14}(\\.[0-9]{1,8})?", right in "-?[0-9]{1,14}(\\.[0-9]{1,8})?", digits in 1_u32..19) {
        let program = |a: String, b: String| {
            format!("numeric digits {digits}\na={a}; b={b}\nsay a+b a-b a*b (a=b) (a<b) (a>=b) (a=a+0.1) (a<a*1.001)\nc=a*b; d=a+b; say c+a c-d c*d (c<d) c*c*c (c=a)\nif d\\=0 then say c/d\nif b\\=0 then say a/b\nif b\\=0 & digits()>8 & abs(a)<1e6 then say a//b\n")
        };
        let long = |text: &str| format!("{text}E+0");
        prop_assert_eq!(shows(&program(format!("'{left}'"), format!("'{right}'"))), shows(&program(format!("'{}'", long(&left)), format!("'{}'", long(&right)))));
    }
}

#[test]
fn lost_digits_is_a_condition_that_may_be_trapped() {
    let text = "signal on lostdigits\nnumeric digits 5\nsay 12345 + 1\nx = 123456 + 1\nsay 'not here'\nexit\n\
                lostdigits: say condition('C') condition('D') sigl; signal off lostdigits; say 123456 + 1\n";
    assert_eq!(shows(text), "12346\nLOSTDIGITS 123456 4\n1.2346E+5\n");
}
