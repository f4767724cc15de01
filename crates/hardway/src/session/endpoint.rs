//! Where the API is talked to: at the endpoint, or past load balancers that are all dead.

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{API_PORT, Session};

/// On the machines' own network a connection takes milliseconds, and across half the world a third of a second.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

impl Session {
    /// The endpoint's address, or where nobody accepts a connection there, the first control plane's who does. The
    /// endpoint's also where nobody does at all, as before the first apply; None for a spec without a control plane.
    ///
    /// All are asked side by side: dead ones cost a second together.
    pub async fn api_address(&self) -> Option<SocketAddr> {
        let endpoint = self.cluster.endpoint_address()?;
        let own = self.cluster.control_planes().map(|machine| machine.address);
        let candidates = [endpoint].into_iter().chain(own.filter(|address| *address != endpoint));
        let candidates: Vec<SocketAddr> = candidates.map(|address| SocketAddr::new(address, API_PORT)).collect();
        let accepting = first_that_accepts(&candidates).await;
        accepting.or_else(|| candidates.first().copied())
    }
}

/// The first in the list's order: those after it are not waited for.
async fn first_that_accepts(candidates: &[SocketAddr]) -> Option<SocketAddr> {
    let mut answers: FuturesOrdered<_> = candidates.iter().map(accepts).collect();
    while let Some(answer) = answers.next().await {
        if answer.is_some() {
            return answer;
        }
    }
    None
}

async fn accepts(address: &SocketAddr) -> Option<SocketAddr> {
    let connected = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_))).then_some(*address)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn the_endpoint_goes_first_and_whoever_refuses_is_passed_over() {
        let (endpoint, first) = listener().await;
        let (other, second) = listener().await;
        let (_third, third) = listener().await;
        let candidates = [first, second, third];
        assert_eq!(first_that_accepts(&candidates).await, Some(first));
        drop(endpoint);
        assert_eq!(first_that_accepts(&candidates).await, Some(second));
        drop(other);
        assert_eq!(first_that_accepts(&candidates).await, Some(third));
    }

    #[tokio::test]
    async fn nobody_is_found_where_nobody_accepts() {
        let (gone, address) = listener().await;
        drop(gone);
        assert_eq!(first_that_accepts(&[address]).await, None);
        assert_eq!(first_that_accepts(&[]).await, None);
    }
}
