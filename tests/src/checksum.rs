//! Checksums of the internet (RFC 1071), for frames that a kernel is to take for real.

/// Fills in the checksums of an untagged frame: IPv4's header, and TCP, UDP or ICMPv6 right behind IP.
///
/// # Panics
/// When the frame is none of these, or cut off.
#[must_use]
pub fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    const IP: usize = 14;
    let six = frame[IP] >> 4 == 6;
    let (addresses, protocol, start) = if six {
        (frame[IP + 8..IP + 40].to_vec(), frame[IP + 6], IP + 40)
    } else {
        let length = usize::from(frame[IP] & 0xf) * 4;
        let sum = sum(&frame[IP..IP + length]);
        frame[IP + 10..IP + 12].copy_from_slice(&sum.to_be_bytes());
        (frame[IP + 12..IP + 20].to_vec(), frame[IP + 9], IP + length)
    };
    let place = start
        + match protocol {
            6 => 16,
            17 => 6,
            58 => 2,
            other => panic!("no checksum is known for protocol {other}"),
        };
    let length = u16::try_from(frame.len() - start)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let pseudo = [&addresses, &[0, protocol][..], &length, &frame[start..]].concat();
    let sum = sum(&pseudo);
    frame[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The checksum of bytes in which its own place is 0.
#[must_use]
pub fn sum(bytes: &[u8]) -> u16 {
    let word = |two: &[u8]| u32::from(two[0]) << 8 | u32::from(two.get(1).copied().unwrap_or(0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packet;

    #[test]
    fn what_is_sealed_sums_up_to_nothing() {
        for (from, to) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let frame = sealed(Packet::tcp((from, 1), (to, 80)).bytes());
            let again = sealed(frame.clone());
            let header = if from.is_ipv4() { 20 } else { 40 };
            assert_ne!(frame[14 + header + 16..14 + header + 18], [0, 0]);
            // With the sum in it, what is summed up is all ones.
            assert_eq!(again[14 + header + 16..14 + header + 18], [0, 0]);
        }
    }
}
