const answer = await fetch('/_lab/q/orders', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ params: {} }),
})
const { rows } = await answer.json()
document.getElementById('root').textContent = `${rows.length} orders`
