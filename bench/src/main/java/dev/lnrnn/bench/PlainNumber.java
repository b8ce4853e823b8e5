package dev.lnrnn.bench;

import java.util.regex.Pattern;

/**
 * A number as people and other programs write it: digits with at most a sign, a decimal point and an exponent. Java
 * itself takes more for one, which in a file is rather a unit, a word, or another script's digit.
 */
public final class PlainNumber {

    private static final Pattern REAL = Pattern.compile("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?");
    private static final Pattern WHOLE = Pattern.compile("[0-9]{1,18}");

    private PlainNumber() {}

    /** Whether it is one. */
    public static boolean isReal(String text) {
        return REAL.matcher(text).matches();
    }

    /** Whether it is one, at least 0, without sign, point or exponent, and of no more digits than a long has. */
    public static boolean isWhole(String text) {
        return WHOLE.matcher(text).matches();
    }
}
